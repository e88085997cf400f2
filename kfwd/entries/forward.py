"""The life of a forward: it listens, it follows its target, it serves what the target stands for.

Its listeners are bound before anything else is looked at, and stay bound whatever happens behind
them. What is shown of it is a pure function of what is known (`states`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kfwd.api_doctor import Fact
from kfwd.api_model import ConnectionView
from kfwd.entries import shown
from kfwd.entries.binding import FreePorts
from kfwd.entries.entry import Accepted, Context
from kfwd.entries.port import Port, keys
from kfwd.entries.seat import Seat
from kfwd.entries.showing import Showing
from kfwd.entries.sight import Sight, looking
from kfwd.entries.states import Facts, Fault, fault_of
from kfwd.errors import UsageError
from kfwd.front.forwarder import Front
from kfwd.front.replay import Budget
from kfwd.kube.cluster import Cluster
from kfwd.model import (
    Bytes,
    Connections,
    EntryCounters,
    EntryView,
    ForwardSpec,
    Wanted,
)
from kfwd.resolve import target as targets

BIND_AGAIN_S = 2.0


class Forward:
    """One forward. `show` gets its view whenever that changes."""

    def __init__(
        self,
        wanted: Wanted,
        context: Context,
        *,
        budget: Budget,
        kept: FreePorts,
        show: Callable[[EntryView], None],
    ) -> None:
        spec = wanted.spec
        assert isinstance(spec, ForwardSpec)
        self.accepted: set[Accepted] = set()
        self._wanted = wanted
        self._spec = spec
        self._context = Seat(context)
        self._showing = Showing(wanted.id, self.facts, self.view, show)
        self._by_key = {
            key: Port(port, spec.address, self._front(key, budget), kept, key)
            for port, key in zip(spec.ports, keys(spec.ports), strict=True)
        }
        self._ports = tuple(self._by_key.values())
        self._seen_in: Cluster | None = None
        self._sight: Sight | None = None
        self._config: Fault | None = None
        self._look = asyncio.Event()
        self._looked = False
        self._seen: tuple[object, ...] = ()
        self._moved: list[object] = []
        self._counters: EntryCounters | None = None

    def _front(self, key: str, budget: Budget) -> Front:
        return Front(
            self._wanted.id,
            self._context.pool,
            budget=budget,
            hold_s=self._spec.hold_s,
            on_change=self._showing.changed,
            look_again=self._look_again,
            on_accept=lambda: self._accepted(key),
            spread=self._spec.spread,
        )

    def bind(self) -> None:
        if not self._wanted.paused:
            for port in self._ports:
                port.binding.bind()
        self._showing.judge()

    async def run(self) -> None:
        forget = self._context.on_change(self._context_changed)
        self._showing.changed()
        try:
            async with asyncio.TaskGroup() as both:
                if not self._wanted.paused:
                    both.create_task(self._listen(), name=f"{self._wanted.id}/listen")
                both.create_task(self._follow(), name=f"{self._wanted.id}/follow")
        finally:
            forget()

    async def close(self) -> list[str]:
        self._showing.end()
        stuck = await asyncio.gather(*(port.front.close() for port in self._ports))
        return [name for names in stuck for name in names]

    def move(self, context: Context, *, end: bool) -> list[asyncio.Task[None]]:
        left = [task for port in self._ports for task in port.abandon(end=end)]
        self._looked = False
        self._context.move(context)
        return left

    async def _listen(self) -> None:
        """Bind what is not bound yet, for as long as it takes."""
        while not all(port.bound for port in self._ports):
            for port in self._ports:
                port.binding.bind()
                await port.binding.name_holder()
            self._showing.changed()
            await asyncio.sleep(BIND_AGAIN_S)

    async def _follow(self) -> None:
        """Serve what the target stands for, now and after every change."""
        target = self._target()
        if target is None or self._wanted.paused:
            self._showing.changed()
            await asyncio.Event().wait()
            return
        while True:
            cluster = self._seen_in = await self._context.cluster()
            namespace = self._namespace or "default"
            look = looking(
                cluster.reflectors, target, namespace, self._look.set, nodes=self._wants_direct
            )
            with look as self._sight:
                while cluster is self._context.current:
                    self._look.clear()
                    self._serve(self._sight)
                    await self._look.wait()

    def _target(self) -> targets.Target | None:
        try:
            return targets.parse(self._spec.target)
        except UsageError as error:
            self._config = fault_of(error)
            return None

    def _serve(self, sight: Sight) -> None:
        """Have fronts follow what is seen, and show it if it is not what was seen before: most
        changes in a namespace are of other pods."""
        if sight.looked:
            self._looked = True
            for port in self._ports:
                resolution = sight.resolve(port.spec.remote)
                wanted = self._wants_direct
                port.serve(
                    resolution, sight.addresses(port.spec.remote, resolution) if wanted else None
                )
        seen = (self._looked, sight.fault, [port.resolution for port in self._ports])
        if seen != self._seen:
            self._seen = seen
            self._showing.changed()

    def _context_changed(self) -> None:
        """The context failed or is back, its kubeconfig names another cluster, or how long that
        takes to answer has changed."""
        if self._context.fault is None:
            for port in self._ports:
                port.front.retry_now()
        if self._context.current is not self._seen_in:
            self._look.set()
        self._showing.changed()

    def _look_again(self) -> None:
        if self._sight is not None:
            self._sight.refresh()

    def _accepted(self, key: str) -> None:
        number = self._by_key[key].binding.number
        for tell in tuple(self.accepted):
            tell(number or 0)

    def parts(self) -> tuple[Fact, ...]:
        self._showing.judge()
        return self._showing.parts

    def facts(self) -> Facts:
        watch = self._sight.fault if self._sight else None
        return Facts(
            ports=tuple(port.facts(watch) for port in self._ports),
            paused=self._wanted.paused,
            config=self._config,
            context=self._context.fault,
            refused=self._context.refused,
            looked=self._looked,
            watch=watch,
            server=self._context.server,
            latency_ms=self._context.latency_ms,
        )

    @property
    def _wants_direct(self) -> bool:
        return self._spec.via == "direct"

    @property
    def _namespace(self) -> str | None:
        wanted = self._wanted
        return self._spec.namespace or wanted.namespace or self._context.namespace

    def view(self) -> EntryView:
        fronts = [port.front for port in self._ports]
        numbers = self.counters()
        return EntryView(
            id=self._wanted.id,
            kind="forward",
            name=self._spec.name,
            profile=self._wanted.profile,
            context=self._context.name,
            namespace=self._namespace or "",
            target=self._spec.target,
            ports=tuple(port.view() for port in self._ports),
            state=self._showing.verdict.state,
            problem=self._showing.verdict.problem,
            via=shown.via(fronts),
            transport=next((front.transport for front in fronts if front.transport), None),
            endpoints=numbers.endpoints,
            connections=numbers.connections,
            bytes=numbers.bytes,
            reconnects=max(front.reconnects for front in fronts),
            since=self._showing.since,
        )

    def counters(self) -> EntryCounters:
        """The same record as last time while nothing moved: most entries rest most of the time."""
        moved = [port.moved() for port in self._ports]
        if self._counters is None or moved != self._moved:
            self._moved, self._counters = moved, self._count()
        return self._counters

    def _count(self) -> EntryCounters:
        counts = [port.front.counters for port in self._ports]
        return EntryCounters(
            id=self._wanted.id,
            connections=Connections(
                open=sum(count.open for count in counts),
                waiting=sum(count.waiting for count in counts),
                total=sum(count.total for count in counts),
                failed=sum(count.failed for count in counts),
            ),
            bytes=Bytes(
                received=sum(count.received for count in counts),
                sent=sum(count.sent for count in counts),
            ),
            endpoints=shown.endpoints([port.front for port in self._ports]),
        )

    @property
    def doors(self) -> tuple[Front, ...]:
        return tuple(port.front for port in self._ports)

    def connections(self) -> tuple[ConnectionView, ...]:
        now = asyncio.get_running_loop().time()
        return tuple(view for port in self._ports for view in port.connections(now))
