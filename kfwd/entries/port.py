"""One port of a forward: its front, whether that is bound, and what the remote port stands for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Protocol

from msgspec.structs import replace

from kfwd.api_model import ConnectionView
from kfwd.entries.states import Fault, PortFacts, fault_of
from kfwd.errors import KfwdError
from kfwd.front.connection import Connection
from kfwd.front.direct import Direct
from kfwd.front.forwarder import Front
from kfwd.front.holder import port_holder
from kfwd.front.listener import PortInUse
from kfwd.model import Bytes, PortSpec, PortView, Problem, utcnow
from kfwd.resolve.direct import Address
from kfwd.resolve.endpoints import Resolution

PATIENCE = 3
"""How often a free port that was kept is tried before another one is taken."""

NAME_EVERY = 15
"""Who has a busy port is found out at the first try and then every so many."""

UNREADABLE = "not-readable"


class FreePorts(Protocol):
    """The free ports chosen for one entry, kept over restarts. Keys are the ports' own."""

    def get(self, key: str) -> int | None: ...

    def keep(self, key: str, port: int) -> None: ...


class Port:
    """`LOCAL:REMOTE`. `key` tells it from the entry's other ports in `kept`."""

    def __init__(
        self, spec: PortSpec, address: tuple[str, ...], front: Front, kept: FreePorts, key: str
    ) -> None:
        self.spec = spec
        self.front = front
        self.resolution = Resolution()
        self._address = address
        self._kept = kept
        self._key = key
        self._wants_direct = False
        self._fault: Fault | None = None
        self._busy = 0
        self._name_after = 0
        self._in_use: PortInUse | None = None
        self._holder: str | None = None

    @property
    def bound(self) -> bool:
        return bool(self.front.addresses)

    @property
    def number(self) -> int | None:
        """The local TCP port, if it is bound to one."""
        tcp = (each for each in self.front.addresses if not each.startswith("unix:"))
        return next((int(address.rpartition(":")[2]) for address in tcp), None)

    def bind(self) -> None:
        """Try to listen. A free port is the one it was before; `bound` says whether it worked."""
        if self.bound:
            return
        local = self.spec.local or (self._busy < PATIENCE and self._kept.get(self._key)) or 0
        try:
            self.front.bind(self._address, local)
        except KfwdError as error:
            self._note(error)
            return
        self._fault = self._in_use = self._holder = None
        if not self.spec.local and self.number is not None:
            self._kept.keep(self._key, self.number)

    async def name_holder(self) -> None:
        """Say who has the port. Every process is looked at: in a thread, and not every time."""
        if self._in_use is not None and self._in_use.port and self._busy > self._name_after:
            self._name_after = self._busy + NAME_EVERY
            self._holder = await asyncio.to_thread(port_holder, self._in_use.port)
            self._note_in_use(self._in_use)

    def _note(self, error: KfwdError) -> None:
        if isinstance(error, PortInUse):
            self._busy += 1
            self._note_in_use(error)
        else:
            fault = fault_of(error)
            self._fault = Fault(fault.problem, heals=error.code != "port-privileged")

    def _note_in_use(self, error: PortInUse) -> None:
        self._in_use = error
        fault = fault_of(error)
        if self._holder is not None:
            text = f"{error.text} by {self._holder}"
            fault = Fault(replace(fault.problem, text=text), heals=fault.heals)
        self._fault = fault

    def serve(self, resolution: Resolution, addresses: tuple[Address, ...] | None = None) -> None:
        """What is behind the port from now on. Another endpoint is tried without delay.

        `addresses` None: there is no wish to go around the API server.
        """
        before, self.resolution = self.resolution, resolution
        self._wants_direct = addresses is not None
        self.front.serve(resolution.endpoints, addresses or ())
        if resolution.endpoints != before.endpoints:
            self.front.retry_now()

    def moved(self) -> object:
        """Equal as long as no counter moved and no endpoint changed."""
        count = self.front.counters
        numbers = (count.total, count.open, count.waiting, count.failed, count.received, count.sent)
        direct = self.front.direct
        return numbers, self.front.endpoints, direct.addresses, direct.good

    def facts(self, watch: Fault | None) -> PortFacts:
        """`watch` is what hinders reading the cluster, if anything does."""
        endpoints = self.resolution.endpoints
        answers = bool(self.front.direct.answering)
        ready = bool(endpoints) and endpoints[0].ready and not endpoints[0].terminating
        return PortFacts(
            bound=self.bound,
            bind=self._fault,
            resolution=self._remark(watch),
            usable=bool(endpoints) or answers,
            ready=ready or answers,
            proven=self.front.session_up or answers,
            session=None if answers else self._session(),
        )

    def view(self) -> PortView:
        endpoints = self.resolution.endpoints
        return PortView(
            listen=self.front.addresses,
            remote=self.spec.remote,
            port=endpoints[0].port if endpoints else None,
        )

    def connections(self, now: float) -> Iterator[ConnectionView]:
        """`now` is the loop's time."""
        return (_shown(connection, now) for connection in self.front.connections)

    def _remark(self, watch: Fault | None) -> Fault | None:
        """Why there is nothing behind the port, or what is odd about what there is."""
        direct = self.front.direct
        if direct.answering or direct.undecided:
            return None
        only_direct = direct.addresses and not self.resolution.endpoints
        found = None if only_direct else self._resolution(watch)
        return found or (detour(direct) if self._wants_direct else None)

    def _resolution(self, watch: Fault | None) -> Fault | None:
        problem = self.resolution.problem
        if problem is None:
            return None
        if problem.code == UNREADABLE and watch is not None:
            return Fault(replace(watch.problem, severity="error"), heals=watch.heals)
        return Fault(problem, heals=self.resolution.heals)

    def _session(self) -> Fault | None:
        if self.front.problem is not None:
            return Fault(self.front.problem)
        error = self.front.session_error
        return fault_of(error) if error is not None else None


def detour(direct: Direct) -> Fault:
    """Why a port that should be reached directly is not."""
    if not direct.addresses:
        text = "no node port, load balancer or host port leads there: connections take a tunnel"
        return Fault(Problem(code="no-direct-address", severity="warning", text=text))
    count = len(direct.addresses)
    which = f"none of {count} addresses answers" if count > 1 else "the address does not answer"
    text = f"{which} ({direct.error}): connections take a tunnel"
    hint = "it is tried again every few seconds; `kfwd routes` shows every way"
    return Fault(Problem(code="direct-unreachable", severity="warning", text=text, hint=hint))


def keys(ports: tuple[PortSpec, ...]) -> list[str]:
    """What tells each port from the others: its remote port, numbered where it comes again."""
    seen: dict[str, int] = {}
    found = []
    for port in ports:
        count = seen[port.remote] = seen.get(port.remote, 0) + 1
        found.append(port.remote if count == 1 else f"{port.remote}#{count}")
    return found


def _shown(connection: Connection, now: float) -> ConnectionView:
    endpoint = connection.endpoint
    address = endpoint.uid if isinstance(endpoint, Address) else None
    return ConnectionView(
        client=connection.client,
        listen=connection.listen,
        pod=endpoint.pod if endpoint else None,
        port=endpoint.port if endpoint else None,
        state=connection.state,
        since=utcnow() - timedelta(seconds=round(now - connection.since)),
        bytes=Bytes(received=connection.received, sent=connection.sent),
        address=address,
    )
