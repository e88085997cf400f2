"""The real sockets behind the addresses that services and pods have outside the cluster."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import weakref
from collections.abc import Hashable

from kfwd.sim.exposure import Address, Backend, Exposed
from kfwd.sim.faults import Faults
from kfwd.sim.node import PortMap
from kfwd.sim.nodenet import bound
from kfwd.sim.splice import End, reset, reset_on_close, splice
from kfwd.tasks import TaskSet

log = logging.getLogger(__name__)

PAUSE_S = 0.1
ACCEPTS_A_TURN = 32


class Listener:
    """One address. Each connection goes to a random one of `backends`."""

    def __init__(self, sock: socket.socket, outside: Outside) -> None:
        self.backends: tuple[Backend, ...] = ()
        self._sock = sock
        self._outside = outside
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None
        sock.setblocking(False)
        self._listen()

    def _listen(self) -> None:
        self._loop.add_reader(self._sock, self._accept)

    def _accept(self) -> None:
        for _ in range(ACCEPTS_A_TURN):
            try:
                client, _peer = self._sock.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                # Out of descriptors: the connection stays in the queue until there are some.
                log.warning("accept: %s", error)
                self._loop.remove_reader(self._sock)
                self._pause = self._loop.call_later(PAUSE_S, self._listen)
                return
            self._outside.connect(client, secrets.choice(self.backends))

    def close(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._sock)
        self._sock.close()


class Outside:
    """Who listens where: every owner, a service or a pod, has its addresses."""

    def __init__(self, ports: PortMap, faults: Faults | None = None) -> None:
        self._ports = ports
        self._faults = faults or Faults()
        self._wanted: dict[Hashable, Exposed] = {}
        self._held: dict[Hashable, dict[Address, Listener]] = {}
        self._ends: weakref.WeakSet[End] = weakref.WeakSet()
        self._tasks = TaskSet("outside")
        self._unfollow = self._faults.on_change(self._follow)

    def publish(self, owner: Hashable, wanted: Exposed) -> None:
        """Listen at an owner's addresses, these and no others. What is taken is left out."""
        if wanted:
            self._wanted[owner] = wanted
        else:
            self._wanted.pop(owner, None)
        self._listen(owner, {} if self._faults.now.outside_down else wanted)

    def _listen(self, owner: Hashable, wanted: Exposed) -> None:
        held = self._held.setdefault(owner, {})
        for address in held.keys() - wanted.keys():
            held.pop(address).close()
        for address, backends in wanted.items():
            if address not in held:
                try:
                    held[address] = Listener(bound(*address), self)
                except OSError as error:
                    log.warning("%s:%d cannot be served: %s", *address, error.strerror)
                    continue
            held[address].backends = backends
        if not held:
            del self._held[owner]

    def _follow(self) -> None:
        down = self._faults.now.outside_down
        for owner, wanted in self._wanted.items():
            self._listen(owner, {} if down else wanted)
        for end in list(self._ends) if down else ():
            reset(end.transport)

    def addresses(self, owner: Hashable) -> set[Address]:
        """Where an owner is listened for."""
        return set(self._held.get(owner, ()))

    def connect(self, client: socket.socket, backend: Backend) -> None:
        """Lead an accepted connection to a pod; it is reset where nothing listens there."""
        address = self._ports.address(*backend)
        if address is None:
            reset_on_close(client)
            client.close()
        else:
            self._tasks.spawn(self._splice(client, address), "connection")

    async def _splice(self, client: socket.socket, address: Address) -> None:
        try:
            self._ends.update(await splice(client, address))
        except OSError as error:
            log.debug("%s:%d: %s", *address, error)

    async def close(self) -> None:
        """Stop listening and end every connection."""
        self._unfollow()
        for owner in list(self._held):
            self._listen(owner, {})
        await self._tasks.close()
        for end in list(self._ends):
            end.transport.abort()
