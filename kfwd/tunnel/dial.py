"""From a pod's name to an upgraded pipe: transports are tried in order, by evidence.

Rules of this file (design section 4, rule 8): `spdy`, then `websocket`, then `channels`. Any HTTP
answer but 401, 404 and 429, an end-of-file, and 5 s of silence try the next one, for this dial.
Only success is remembered. DNS, TCP and TLS failures change nothing. A better one is tried again
beside the dials that go on with what works.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from kfwd.errors import Forbidden, KfwdError, LoginNeeded, NotFound, Unreachable, UpgradeFailed
from kfwd.kube import answers
from kfwd.kube.connect import Server
from kfwd.kube.credentials import Credential, Credentials
from kfwd.kube.login_hint import login_hint
from kfwd.kube.pipe import Pipe
from kfwd.kube.upgrade import Request, upgrade
from kfwd.model import utcnow
from kfwd.tunnel import transports
from kfwd.tunnel.transports import Known
from kfwd.tunnel.websocket import WebSocketPipe
from kfwd.wire import channels
from kfwd.wire import upgrade as wire
from kfwd.wire.websocket import accept_key, client_handshake_key

DIAL_S = 15.0
IN_FLIGHT = 16
NO_FALLBACK = frozenset({401, 404, 429})
UPGRADES = "does the node answer, and does every proxy on the way let upgraded connections through?"


class Dialled(NamedTuple):
    """A pipe that speaks SPDY, with `channels` WebSocket; `rest` came behind the answer."""

    pipe: Pipe
    rest: bytes
    transport: str


class Dialer:
    """Dials for one context. At most 16 dials are in flight, each at most 15 s long.

    `learned` is told what works now, `aside` is to run what nobody waits for.
    """

    def __init__(
        self,
        server: Server,
        credentials: Credentials,
        *,
        aside: Callable[[Coroutine[Any, Any, None]], object],
        known: Known | None = None,
        learned: Callable[[Known], None] = lambda known: None,
        allowed: Sequence[str] = transports.TRANSPORTS,
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        self._server = server
        self._credentials = credentials
        self._aside = aside
        self.known = transports.still(allowed, known)
        self._learned = learned
        self._allowed = allowed
        self._clock = clock
        self._in_flight = asyncio.Semaphore(IN_FLIGHT)

    @property
    def transport(self) -> str | None:
        """What worked last."""
        return self.known.transport if self.known else None

    async def dial(self, namespace: str, pod: str, port: int | None = None) -> Dialled | None:
        """A session for a connection to `port`, or for none yet.

        None in the latter case where `channels` lead to the pod: they would dial it, and carry one
        connection to one port each. Raises `NotFound` (code `pod-gone`), `LoginNeeded`,
        `ConfigError`, `Forbidden`, `Unreachable` or `UpgradeFailed`; nothing else. A login plugin's
        time is not the dial's.
        """
        await self._credentials.get()
        async with self._in_flight:
            try:
                async with asyncio.timeout(DIAL_S) as limit:
                    place = _Place(_path(namespace, pod), port, limit)
                    dialled = await self._try_transports(namespace, pod, place)
            except TimeoutError:
                raise Unreachable(
                    f"no session to {namespace}/{pod} within {DIAL_S:g} s", code="dial-timeout"
                ) from None
        self._look_for_better(namespace, pod)
        return dialled

    async def _try_transports(self, namespace: str, pod: str, place: _Place) -> Dialled | None:
        refusals: dict[str, UpgradeFailed] = {}
        for transport in transports.order(self._allowed, self.known):
            try:
                dialled = await self._with_login(transport, place)
            except UpgradeFailed as error:
                refusals[transport] = error
                if error.status in NO_FALLBACK:
                    break
            else:
                self._worked(transport, refusals)
                return dialled
        raise explain(list(refusals.values()), namespace, pod, self._refused)

    def _worked(self, transport: str, refusals: Mapping[str, UpgradeFailed]) -> None:
        now = self._clock()
        known = transports.learned(self._allowed, self.known, transport, refusals, now)
        if known != self.known:
            self.known = known
            self._learned(known)

    def _look_for_better(self, namespace: str, pod: str) -> None:
        now = self._clock()
        if self.known is not None and transports.due(self._allowed, self.known, now):
            better = transports.better(self._allowed, self.known)
            self.known = transports.put_off(self.known, now)
            self._aside(self._try_better(better, self.known.transport, namespace, pod))

    async def _try_better(
        self, better: Sequence[str], works: str, namespace: str, pod: str
    ) -> None:
        """See whether one of these works by now. Any other failure tells nothing about them."""
        refusals: dict[str, UpgradeFailed] = {}
        for transport in better:
            try:
                async with self._in_flight, asyncio.timeout(DIAL_S) as limit:
                    place = _Place(_path(namespace, pod), None, limit)
                    dialled = await self._with_login(transport, place)
            except UpgradeFailed as error:
                refusals[transport] = error
                if error.status in NO_FALLBACK:
                    return
            except (KfwdError, TimeoutError):
                return
            else:
                if dialled is not None:
                    dialled.pipe.close()
                self._worked(transport, refusals)
                return
        if self.transport == works:
            self._worked(works, refusals)

    def _refused(self, words: str) -> LoginNeeded:
        context = self._server.context
        where, name = self._server.authority, context.ref.name
        return answers.unauthorized(where, name, words, login_hint(context))

    async def _with_login(self, transport: str, place: _Place) -> Dialled | None:
        """One try, and one more with a fresh credential after a 401."""
        credential = await self._credentials.get()
        try:
            return await self._once(transport, place, credential)
        except UpgradeFailed as error:
            if error.status != 401:
                raise
            refused = error
        self._credentials.rejected(credential)
        fresh = await self._unhurried(place.limit)
        if fresh.tag == credential.tag:
            raise refused
        return await self._once(transport, place, fresh)

    async def _unhurried(self, limit: asyncio.Timeout) -> Credential:
        """A credential, however long a login plugin takes; a dial's time begins anew then."""
        limit.reschedule(None)
        try:
            return await self._credentials.get()
        finally:
            limit.reschedule(asyncio.get_running_loop().time() + DIAL_S)

    async def _once(self, transport: str, place: _Place, credential: Credential) -> Dialled | None:
        dial = _DIALS[transport]
        return await self._server.way.attempt(lambda: dial(self._server, credential, place))


class _Place(NamedTuple):
    """Where to: the path of a pod's port-forward, and the port if a connection wants one.

    `limit` is the time that is left to get there.
    """

    path: str
    port: int | None
    limit: asyncio.Timeout


def _path(namespace: str, pod: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward"


async def _spdy(server: Server, credential: Credential, place: _Place) -> Dialled:
    def accepted(head: wire.Head) -> bool:
        protocol = head.headers.get("x-stream-protocol-version")
        return wire.spdy_accepted(head) and protocol == wire.PORT_FORWARD

    request = Request("POST", place.path, wire.spdy_headers(), accepted)
    upgraded = await upgrade(server, credential, request)
    return Dialled(upgraded.pipe, upgraded.rest, "spdy")


async def _websocket(server: Server, credential: Credential, place: _Place) -> Dialled:
    upgraded = await upgrade(server, credential, _switch(place.path, wire.TUNNEL))
    return Dialled(WebSocketPipe(upgraded.pipe, upgraded.rest), b"", "websocket")


async def _channels(server: Server, credential: Credential, place: _Place) -> Dialled | None:
    request = _switch(channels.path(place.path, place.port), channels.PROTOCOL)
    try:
        upgraded = await upgrade(server, credential, request)
    except UpgradeFailed as error:
        if place.port is None and channels.only_lacks_port(error.status, error.text):
            return None
        raise
    if place.port is None:
        upgraded.pipe.abort()
        raise UpgradeFailed("the server opened channels to no port", status=101)
    return Dialled(upgraded.pipe, upgraded.rest, "channels")


def _switch(path: str, wanted: str) -> Request:
    """A request for a WebSocket that carries the protocol `wanted`."""
    key = client_handshake_key(os.urandom(16))

    def accepted(head: wire.Head) -> bool:
        protocol = head.headers.get("sec-websocket-protocol")
        return wire.websocket_accepted(head, accept_key(key)) and protocol == wanted

    return Request("GET", path, wire.websocket_headers(key, wanted), accepted)


_DIALS: Mapping[str, Callable[[Server, Credential, _Place], Awaitable[Dialled | None]]] = {
    "spdy": _spdy,
    "websocket": _websocket,
    "channels": _channels,
}


def explain(
    failures: list[UpgradeFailed],
    namespace: str,
    pod: str,
    refused: Callable[[str], LoginNeeded] = LoginNeeded,
) -> KfwdError:
    """The most telling of several refusals, as the error its status stands for; `refused` makes
    that of a 401.
    """
    rank = {401: 0, 404: 1, 429: 2, 403: 3, 400: 5, 0: 6}
    error = min(failures, key=lambda failure: rank.get(failure.status, 4))
    if error.status == 401:
        return refused(error.text)
    if error.status == 403:
        return Forbidden(
            error.text,
            hint="grant get and create on pods/portforward",
            code="portforward-forbidden",
        )
    if error.status == 404:
        return NotFound(f"pod {namespace}/{pod}: {error.text}", code="pod-gone")
    return UpgradeFailed(
        f"no session can be opened: {error.text}",
        status=error.status,
        retry_after_s=error.retry_after_s,
        hint=None if error.status == 429 else UPGRADES,
    )
