"""The container runtime, as the streaming server calls it: one data stream to one pod port."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from kfwd.sim.faults import Settings
from kfwd.sim.node import PortMap
from kfwd.sim.relay import DataStream, Relay
from kfwd.sim.sandbox import sandbox
from kfwd.tasks import TaskSet


class Ending(Struct, frozen=True):
    """How a forward ended: the error text, if any, and whether the runtime closed the stream."""

    text: str | None = None
    closed: bool = True


class Runtime:
    """The forwards of one session to one pod."""

    def __init__(self, ports: PortMap, settings: Settings, uid: str) -> None:
        self._ports = ports
        self._uid = uid
        self._sandbox = sandbox(uid, settings.error_order)
        self._half_close_s = settings.half_close_ms / 1000
        # The newest containerd dials before it touches the stream, the others close it themselves.
        self._closes_when_refused = settings.error_order != "main"
        self._relays: set[Relay] = set()
        self._tasks = TaskSet("runtime")

    def forward(self, stream: DataStream, port: int, ended: Callable[[Ending], None]) -> Relay:
        """Dial and copy until one side ends; the relay is the stream's consumer."""

        def copied(error: str | None) -> None:
            self._relays.discard(relay)
            ended(Ending(error and self._sandbox.broken(port, error)))

        relay = Relay(stream, port, self._half_close_s, copied)
        self._relays.add(relay)
        self._tasks.spawn(self._dial(relay, port, ended), f"dial {port}")
        return relay

    async def _dial(self, relay: Relay, port: int, ended: Callable[[Ending], None]) -> None:
        if not self._ports.has_sandbox(self._uid):
            ending = Ending(self._sandbox.gone(port), closed=False)
        elif await self._connected(relay, port):
            return
        else:
            ending = Ending(self._sandbox.refused(port), self._closes_when_refused)
        self._relays.discard(relay)
        ended(ending)

    async def _connected(self, relay: Relay, port: int) -> bool:
        address = self._ports.address(self._uid, port)
        if address is None:
            return False
        try:
            await relay.dial(address)
        except OSError:
            return False
        return True

    def abort(self) -> None:
        """The session has ended: close every connection to the pod."""
        for relay in self._relays:
            relay.close()

    async def close(self) -> None:
        """Leave nothing behind, dials under way included."""
        await self._tasks.close()
        self.abort()
        self._relays.clear()
