"""One service or pod at `/` of a local listener: through a tunnel, or through the API server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec import Struct

from kfwd.errors import KfwdError, NotReady
from kfwd.proxy import origin, passing
from kfwd.proxy.api_proxy import read_path
from kfwd.proxy.decision import Answer, Decision, Forward, page
from kfwd.proxy.exchange import repeatable
from kfwd.proxy.filters import Filter
from kfwd.proxy.unwrap import Unwrap
from kfwd.proxy.upstream import Client, Upstreams
from kfwd.wire import http1, http1_target
from kfwd.wire.http1 import Lines, RequestHead
from kfwd.wire.http1_target import Target

WRONG_HOST = page(403, "this Host is not served here (accept-hosts)")


class Way(Struct, frozen=True):
    """How requests get to the app. `prefix` is its path at the API server, None in a tunnel.

    `kept` are connections that served others before, for requests that can be made again if such a
    connection turns out to be closed.
    """

    upstreams: Upstreams
    prefix: str | None = None
    kept: Upstreams | None = None


class TargetProxy:
    """Decides about requests to one app. They wait `hold_s` while there is no way to it.

    `reason` says why there is none. `hosts` None serves every Host and every page.
    """

    def __init__(self, *, hosts: Filter | None, hold_s: float, reason: Callable[[], str]) -> None:
        self._hosts = hosts
        self._hold_s = hold_s
        self._reason = reason
        self._way: Way | None = None
        self._open = asyncio.Event()
        self._unwrap: Unwrap | None = None
        self.waiting = 0

    @property
    def way(self) -> Way | None:
        return self._way

    def lead(self, way: Way | None) -> None:
        """How requests get there from now on; None: they wait."""
        if way == self._way:
            return
        self._way = way
        self._unwrap = Unwrap(way.prefix) if way and way.prefix is not None else None
        if way is None:
            self._open.clear()
        else:
            self._open.set()

    async def decide(self, request: RequestHead, client: Client) -> Decision:
        target = http1_target.parse(request)
        if target.form == "authority":
            return page(405, "CONNECT is not served here", ("Allow", "GET, HEAD, POST, PUT"))
        upgrade = passing.upgrades(request)
        if self._hosts is not None:
            if not self._hosts.accepts_host(target.authority):
                return WRONG_HOST
            own = target.authority
            refusal = origin.refusal(request, lambda other: other == own, upgrade=upgrade)
            if refusal is not None:
                return page(403, refusal)
        try:
            way = await self._wait()
        except NotReady as error:
            return page(503, error.text)
        lines = passing.lines(request, upgrade=upgrade)
        if way.prefix is None:
            return _through_tunnel(way, request, target, lines, upgrade)
        return self._through_api(way, request, target, lines, upgrade)

    async def _wait(self) -> Way:
        if (way := self._way) is not None:
            return way
        self.waiting += 1
        try:
            async with asyncio.timeout(self._hold_s):
                while (way := self._way) is None:
                    await self._open.wait()
                return way
        except TimeoutError:
            raise NotReady(f"held for {self._hold_s:g} s: {self._reason()}") from None
        finally:
            self.waiting -= 1

    def _through_api(
        self, way: Way, request: RequestHead, target: Target, lines: Lines, upgrade: bool
    ) -> Decision:
        """The path is put in the form in which nothing climbs out of the app's own."""
        assert way.prefix is not None
        assert self._unwrap is not None
        sent = read_path(target.path).sent if target.path else "/"
        kept = http1.without(lines, {"authorization", "accept-encoding"})
        return Forward(
            way.upstreams,
            request.method,
            way.prefix + target.with_query(sent),
            (*kept, ("Accept-Encoding", "identity")),
            failed,
            answered=self._unwrap,
            upgrade=upgrade,
        )


def _through_tunnel(
    way: Way, request: RequestHead, target: Target, lines: Lines, upgrade: bool
) -> Decision:
    """The app gets what the client sent; of a URL, the path and the host."""
    path = target.with_query(target.path) if target.path else "*"
    if target.form == "absolute":
        lines = (("Host", target.authority), *http1.without(lines, {"host"}))
    kept = way.kept if way.kept is not None and repeatable(request) else None
    upstreams = kept or way.upstreams
    return Forward(upstreams, request.method, path, lines, failed, upgrade=upgrade)


def failed(error: KfwdError) -> Answer:
    """Nothing ready is 503, an app that was cut off before it answered 502."""
    return page(503 if isinstance(error, NotReady) else 502, error.text)
