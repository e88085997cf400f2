"""What is behind a proxy's listener, as far as the entry asks; and the whole API as such."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Protocol

from kfwd.entries.entry import Context
from kfwd.entries.states import Fault, PortFacts, Seen
from kfwd.model import ContextState, EndpointView, ProxySpec
from kfwd.proxy.api_proxy import ApiProxy, Options
from kfwd.proxy.api_upstreams import ApiUpstreams
from kfwd.proxy.decision import Handler
from kfwd.proxy.filters import Filter

SERVING = frozenset({ContextState.OK, ContextState.FORBIDDEN})
"""States in which the API server answers those who may ask."""


class Behind(Protocol):
    """Where requests go, and how that is."""

    @property
    def handler(self) -> Handler: ...

    @property
    def config(self) -> Fault | None:
        """What is wrong with what was asked for."""

    @property
    def looked(self) -> bool: ...

    @property
    def watch(self) -> Fault | None: ...

    @property
    def via(self) -> str | None: ...

    @property
    def transport(self) -> str | None: ...

    @property
    def waiting(self) -> int: ...

    @property
    def reconnects(self) -> int: ...

    @property
    def endpoints(self) -> tuple[EndpointView, ...]: ...

    def facts(self, *, bound: bool, bind: Fault | None) -> PortFacts: ...

    def context_changed(self) -> None: ...

    def abandon(self, *, end: bool) -> list[asyncio.Task[None]]:
        """What was behind is left for another context; returns what is still open to it."""
        ...

    async def follow(self) -> None:
        """Keep up with what is behind; ends only by cancellation."""

    async def close(self) -> list[str]: ...


def answers(context: Context) -> bool:
    """Whether the API server of a context answered last."""
    return context.current is not None and context.current.state in SERVING


class WholeApi:
    """An API server, as `kubectl proxy` has it. Nothing of the cluster needs to be looked at."""

    config: Fault | None = None
    watch: Fault | None = None
    looked = True
    via: str | None = None
    transport: str | None = None
    reconnects = 0
    waiting = 0
    endpoints: tuple[EndpointView, ...] = ()

    def __init__(self, spec: ProxySpec, context: Context) -> None:
        flags = spec.flags
        options = Options(
            filter=None if flags.disable_filter else Filter(flags),
            api_prefix=flags.api_prefix,
            www=Path(flags.www) if flags.www is not None else None,
            www_prefix=flags.www_prefix,
        )
        self._context = context
        self._upstreams = ApiUpstreams(
            context,
            hold_s=spec.hold_s,
            append_path=flags.append_server_path,
            keepalive_s=flags.keepalive_s,
        )
        self.handler: Handler = ApiProxy(self._upstreams, options)

    def facts(self, *, bound: bool, bind: Fault | None) -> PortFacts:
        return PortFacts(
            bound=bound,
            bind=bind,
            usable=True,
            ready=True,
            proven=answers(self._context),
            seen=Seen(by="api"),
        )

    def context_changed(self) -> None:
        """Requests that wait look for themselves."""

    def abandon(self, *, end: bool) -> list[asyncio.Task[None]]:
        """Kept connections to another server are not used again; open ones need no context."""
        return []

    async def follow(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> list[str]:
        await self._upstreams.close()
        return []
