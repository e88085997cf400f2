"""One port of a forward: its front, whether that is bound, and what the remote port stands for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

from msgspec.structs import replace

from kfwd.api_model import ConnectionView
from kfwd.entries.binding import Binding, FreePorts
from kfwd.entries.states import Fault, PortFacts, Seen, fault_of
from kfwd.front.connection import Connection
from kfwd.front.direct import Direct
from kfwd.front.forwarder import Front
from kfwd.model import Bytes, PortSpec, PortView, Problem, utcnow
from kfwd.resolve.direct import Address
from kfwd.resolve.endpoints import Resolution

UNREADABLE = "not-readable"


class Port:
    """`LOCAL:REMOTE`. `key` tells it from the entry's other ports in `kept`."""

    def __init__(
        self, spec: PortSpec, address: tuple[str, ...], front: Front, kept: FreePorts, key: str
    ) -> None:
        self.spec = spec
        self.front = front
        self.resolution = Resolution()
        self.binding = Binding(spec.local, address, kept, key, front.bind)
        self._wants_direct = False

    @property
    def bound(self) -> bool:
        return self.binding.bound

    def serve(self, resolution: Resolution, addresses: tuple[Address, ...] | None = None) -> None:
        """What is behind the port from now on. Another endpoint is tried without delay.

        `addresses` None: there is no wish to go around the API server.
        """
        before, self.resolution = self.resolution, resolution
        self._wants_direct = addresses is not None
        self.front.serve(resolution.endpoints, addresses or ())
        if resolution.endpoints != before.endpoints:
            self.front.retry_now()

    def abandon(self, *, end: bool) -> list[asyncio.Task[None]]:
        """What was behind the port is left; returns the connections to it, which `end` cuts."""
        self.resolution = Resolution()
        return self.front.abandon(end=end)

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
            bind=self.binding.fault,
            resolution=self._remark(watch),
            way=self._detour(),
            usable=bool(endpoints) or answers,
            ready=ready or answers,
            proven=self.front.session_up or answers,
            session=None if answers else session_fault(self.front),
            backend=backend_fault(self.front),
            seen=replace(
                seen(self.front),
                name=self.spec.remote,
                by="direct" if answers else "tunnel",
                places=self.front.direct.answering or self.front.endpoints,
            ),
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
        only_direct = direct.addresses and not self.resolution.endpoints
        if direct.answering or direct.undecided or only_direct:
            return None
        return self._resolution(watch)

    def _detour(self) -> Fault | None:
        direct = self.front.direct
        decided = self._wants_direct and not (direct.answering or direct.undecided)
        return detour(direct) if decided else None

    def _resolution(self, watch: Fault | None) -> Fault | None:
        problem = self.resolution.problem
        if problem is None:
            return None
        if problem.code == UNREADABLE and watch is not None:
            return Fault(replace(watch.problem, severity="error"), heals=watch.heals)
        return Fault(problem, heals=self.resolution.heals)


def seen(front: Front) -> Seen:
    """What a front tells beside what an entry's state depends on."""
    return Seen(
        listen=front.addresses,
        transport=front.transport,
        answers=front.answers,
        ping_s=front.ping_s,
    )


def session_fault(front: Front) -> Fault | None:
    """Why there is no session."""
    error = front.session_error
    return fault_of(error) if error is not None else None


def backend_fault(front: Front) -> Fault | None:
    """Why no process takes connections."""
    return Fault(front.problem) if front.problem is not None else None


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
