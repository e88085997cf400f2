"""A target behind a proxy's listener: its endpoints in tunnels, or the API server's proxy to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from kfwd.entries import shown
from kfwd.entries.behind import answers
from kfwd.entries.entry import Context
from kfwd.entries.port import backend_fault, seen, session_fault
from kfwd.entries.sight import Sight, looking
from kfwd.entries.states import Fault, PortFacts, fault_of
from kfwd.errors import Forbidden, UsageError
from kfwd.front.forwarder import Front
from kfwd.front.replay import Budget
from kfwd.model import EndpointView, Problem, ProxySpec, Severity, Wanted
from kfwd.proxy.api_upstreams import ApiUpstreams
from kfwd.proxy.decision import Handler
from kfwd.proxy.filters import Filter
from kfwd.proxy.kept_upstreams import KeptUpstreams
from kfwd.proxy.target_proxy import TargetProxy, Way
from kfwd.proxy.tunnel_upstreams import TunnelUpstreams
from kfwd.resolve import target as targets
from kfwd.resolve.endpoints import Resolution
from kfwd.resolve.target import Target

UNREADABLE = "not-readable"
NO_TUNNEL = "portforward-forbidden"
LIMITS = (
    "requests go through the API server's proxy: Authorization does not reach the app, "
    "a WebSocket loses its query, HTML is rewritten and comes as a whole"
)


class TargetBehind:
    """One service, pod or workload. `changed` is called when what the properties say changes."""

    def __init__(
        self,
        wanted: Wanted,
        spec: ProxySpec,
        context: Context,
        *,
        budget: Budget,
        changed: Callable[[], None],
    ) -> None:
        self.config: Fault | None = None
        self.looked = False
        self._wanted = wanted
        self._spec = spec
        self._context = context
        self._changed = changed
        self._target, self._remote = self._read()
        self._resolution = Resolution()
        self._sight: Sight | None = None
        self._look = asyncio.Event()
        self._was_up = False
        self._front = Front(
            wanted.id,
            context.pool,
            budget=budget,
            hold_s=spec.hold_s,
            on_change=self._front_changed,
            look_again=self._look_again,
        )
        self._kept = KeptUpstreams(self._front)
        self._tunnel = Way(TunnelUpstreams(self._front), kept=self._kept)
        self._api = ApiUpstreams(context, hold_s=spec.hold_s, append_path=True)
        hosts = None if spec.flags.disable_filter else Filter(spec.flags)
        self._proxy = TargetProxy(hosts=hosts, hold_s=spec.hold_s, reason=self._reason)

    def _read(self) -> tuple[Target | None, str]:
        try:
            return targets.with_port(self._spec.target or "")
        except UsageError as error:
            self.config = fault_of(error)
            return None, ""

    @property
    def handler(self) -> Handler:
        return self._proxy

    @property
    def watch(self) -> Fault | None:
        return self._sight.fault if self._sight else None

    @property
    def via(self) -> str | None:
        way = self._proxy.way
        if way is None:
            return None
        if way.prefix is not None:
            return "api-proxy"
        return "tunnel" if self._resolution.endpoints else None

    @property
    def transport(self) -> str | None:
        return self._front.transport

    @property
    def waiting(self) -> int:
        return self._front.counters.waiting + self._proxy.waiting

    @property
    def reconnects(self) -> int:
        return self._front.reconnects

    @property
    def endpoints(self) -> tuple[EndpointView, ...]:
        if self.via == "tunnel":
            return shown.endpoints([self._front])
        return tuple(
            EndpointView(pod=each.pod, address=None, ready=each.ready, open=0)
            for each in self._resolution.endpoints
        )

    def facts(self, *, bound: bool, bind: Fault | None) -> PortFacts:
        endpoints = self._resolution.endpoints
        by_api = self.via == "api-proxy"
        proven = answers(self._context) if by_api else self._front.session_up
        blind = by_api and self._unreadable
        return PortFacts(
            bound=bound,
            bind=bind,
            resolution=self._remark(by_api),
            way=self._limits() if by_api else None,
            usable=bool(endpoints) or blind,
            ready=blind or (bool(endpoints) and endpoints[0].ready),
            proven=proven,
            session=None if by_api else session_fault(self._front),
            backend=None if by_api else backend_fault(self._front),
            seen=replace(
                seen(self._front),
                name=self._remote,
                by="api-proxy" if by_api else "tunnel",
                places=endpoints if by_api else self._front.endpoints,
            ),
        )

    def _remark(self, by_api: bool) -> Fault | None:
        """Why there is nothing behind it, or what is odd about what there is."""
        problem = self._resolution.problem
        if problem is not None and not (by_api and self._unreadable):
            if self._unreadable and self.watch is not None:
                return Fault(replace(self.watch.problem, severity="error"), self.watch.heals)
            return Fault(problem, heals=self._resolution.heals)
        return None

    def _limits(self) -> Fault:
        """What cannot work on this way; a warning where it was not asked for."""
        severity: Severity = "info" if self._spec.via == "api-proxy" else "warning"
        hint = "grant create on pods/portforward" if severity == "warning" else "via: tunnel"
        return Fault(Problem(code="api-proxy-limits", severity=severity, text=LIMITS, hint=hint))

    @property
    def _unreadable(self) -> bool:
        """Whether the cluster does not show what is behind the target."""
        problem = self._resolution.problem
        return problem is not None and problem.code == UNREADABLE

    def context_changed(self) -> None:
        if self._context.fault is None:
            self._front.retry_now()
        self._look.set()

    def abandon(self, *, end: bool) -> list[asyncio.Task[None]]:
        self.looked = self._was_up = False
        self._resolution = Resolution()
        self._proxy.lead(None)
        self._kept.close()
        return self._front.abandon(end=end)

    async def follow(self) -> None:
        """Serve what the target stands for, now and after every change."""
        if self._target is None:
            await asyncio.Event().wait()
            return
        while True:
            cluster = await self._context.cluster()
            look = looking(cluster.reflectors, self._target, self._namespace, self._look.set)
            with look as self._sight:
                while cluster is self._context.current:
                    self._look.clear()
                    self._serve(self._sight)
                    self._changed()
                    await self._look.wait()

    async def close(self) -> list[str]:
        self._kept.close()
        stuck = await self._front.close()
        await self._api.close()
        return stuck

    @property
    def _namespace(self) -> str:
        own = self._spec.namespace or self._wanted.namespace
        return own or self._context.namespace or "default"

    def _serve(self, sight: Sight) -> None:
        if not sight.looked:
            return
        self.looked = True
        before, self._resolution = self._resolution, sight.resolve(self._remote)
        endpoints = self._resolution.endpoints
        if self._spec.via != "api-proxy":
            self._front.serve(endpoints)
            if endpoints != before.endpoints:
                self._front.retry_now()
        self._proxy.lead(self._way())

    def _front_changed(self) -> None:
        self._was_up |= self._front.session_up
        if self.looked:
            self._proxy.lead(self._way())
        self._changed()

    def _way(self) -> Way | None:
        """The way for requests from now on, once it is known.

        Where tunnels may be had they are; that they are forbidden shows when one is dialled.
        """
        if self._spec.via == "tunnel":
            return self._tunnel
        error = self._front.session_error
        forbidden = isinstance(error, Forbidden) and error.code == NO_TUNNEL
        if self._spec.via == "api-proxy" or forbidden:
            prefix = self._prefix()
            return Way(self._api, prefix) if prefix else None
        return self._tunnel if self._was_up else None

    def _prefix(self) -> str | None:
        """The target's path at the API server, while there is something behind it."""
        assert self._target is not None
        endpoints = self._resolution.endpoints
        if self._target.kind == "services" and (endpoints or self._unreadable):
            name = f"services/{self._target.name}:{self._remote}"
        elif endpoints:
            name = f"pods/{endpoints[0].pod}:{endpoints[0].port}"
        else:
            return None
        return f"/api/v1/namespaces/{self._namespace}/{name}/proxy"

    def _look_again(self) -> None:
        if self._sight is not None:
            self._sight.refresh()

    def _reason(self) -> str:
        problem = self._resolution.problem or (self.watch.problem if self.watch else None)
        return problem.text if problem else "no ready endpoint"
