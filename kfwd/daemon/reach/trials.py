"""Trying routes from here: each on its own, each within 2 s, each failure with its reason."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine
from typing import Any

from msgspec import Struct

from kfwd.api_model import RouteState, RouteView
from kfwd.daemon.reach import words
from kfwd.daemon.reach.dial import Dialler, NoName, Page, page
from kfwd.daemon.reach.knock import Dials, knock
from kfwd.daemon.reach.limits import Limits, OutOfBounds
from kfwd.daemon.reach.reviews import Reviews
from kfwd.errors import KfwdError
from kfwd.kube import tls
from kfwd.kube.cluster import Cluster
from kfwd.resolve.route import COSTS, ApiProxy, Candidate, Http, PortForward, Tcp
from kfwd.wire import upgrade as http

TRY_S = 2.0
TRIALS_MAX = 256
"""At once; as many as a target can have."""

_FAILURES = (KfwdError, OSError, TimeoutError, asyncio.IncompleteReadError)
_NO_BACK_END = {502, 503, 504}
_FOR_USERS = {401, 403, 405}
"""An app that wants a login, or another method, is there."""


class Outcome(Struct, frozen=True):
    """What came of a trial. `note` is empty where there is nothing to say."""

    state: RouteState
    latency_ms: float | None = None
    note: str = ""


class Trials:
    """Tries the routes of one context."""

    def __init__(self, context: Dials, cluster: Cluster, limits: Limits) -> None:
        self._context = context
        self._cluster = cluster
        self._reviews = Reviews(cluster.api)
        self._dialler = Dialler(limits)
        self._room = asyncio.Semaphore(TRIALS_MAX)
        self._trusted: ssl.SSLContext | None = None

    async def view(self, route: Candidate) -> RouteView:
        """The route with what came of trying it."""
        outcome = await self._outcome(route)
        cost = COSTS[route.kind] if outcome.state == "works" else ""
        notes = [note for note in (outcome.note, route.note, cost) if note]
        latency = outcome.latency_ms
        return RouteView(
            kind=route.kind,
            address=route.address,
            layer=route.layer,
            state=outcome.state,
            latency_ms=None if latency is None else round(latency, 1),
            note="; ".join(notes),
        )

    async def _outcome(self, route: Candidate) -> Outcome:
        if route.trial is None:
            return Outcome(route.state)
        async with self._room:
            match route.trial:
                case Tcp(host=host, port=port):
                    return await self._bounded(self._tcp(route.trial), host, port)
                case Http(host=host, port=port):
                    return await self._bounded(self._http(route.trial), host, port)
                case ApiProxy():
                    return await self._through_api(self._api_proxy(route.trial))
                case PortForward():
                    return await self._through_api(self._port_forward(route.trial))

    async def _bounded(self, trial: Coroutine[Any, Any, Outcome], host: str, port: int) -> Outcome:
        try:
            async with asyncio.timeout(TRY_S):
                return await trial
        except OutOfBounds as error:
            return Outcome("unknown", note=error.text)
        except _FAILURES as error:
            return Outcome("fails", note=words.failure(error, host, port, TRY_S))

    async def _through_api(self, trial: Coroutine[Any, Any, Outcome]) -> Outcome:
        server = self._cluster.server
        return await self._bounded(trial, server.host, server.port)

    async def _tcp(self, trial: Tcp) -> Outcome:
        async with self._dialler.connected(trial.host, trial.port) as (_, latency_ms):
            return Outcome("works", latency_ms)

    async def _http(self, trial: Http) -> Outcome:
        try:
            return answered(await self._page(trial, trial.host))
        except (NoName, OutOfBounds) as error:
            if not trial.at:
                state: RouteState = "fails" if isinstance(error, NoName) else "unknown"
                return Outcome(state, note=error.text)
            return Outcome("fails", note=f"{error.text}; {await self._elsewhere(trial)}")

    async def _elsewhere(self, trial: Http) -> str:
        """What the controller says to those who find it without DNS."""
        place = trial.at[0]
        try:
            head = (await self._page(trial, place)).head
        except _FAILURES as error:
            return f"its controller at {place}: {words.failure(error, place, trial.port, TRY_S)}"
        said = "" if head.status < 400 else f" ({words.status(head.status)})"
        return f"it answers at {place} to the Host header {trial.authority}{said}"

    async def _page(self, trial: Http, place: str) -> Page:
        context = await self._trust() if trial.tls else None
        async with self._dialler.connected(place, trial.port) as (sock, _):
            return await page(sock, context, trial.host, trial.path, [("Host", trial.authority)])

    async def _trust(self) -> ssl.SSLContext:
        if self._trusted is None:
            self._trusted = await asyncio.to_thread(tls.server_context, None, "of this machine")
        return self._trusted

    async def _api_proxy(self, trial: ApiProxy) -> Outcome:
        name = trial.id
        if not await self._reviews.allowed("get", trial.resource, trial.namespace, "proxy", name):
            what = words.not_allowed("get", f"{trial.resource}/proxy", trial.namespace)
            return Outcome("fails", note=what)
        if not trial.web:
            return Outcome("unknown", note="allowed; not asked, since it may not speak HTTP")
        server = self._cluster.server
        credential = await self._cluster.credentials.get()
        context = await server.ssl_context(credential) if server.tls else None
        with await server.open_socket() as sock:
            fields = [("Host", server.host_header), *credential.headers.items()]
            path = server.path_prefix + trial.path
            return proxied(await page(sock, context, server.server_hostname, path, fields))

    async def _port_forward(self, trial: PortForward) -> Outcome:
        namespace, pod = trial.namespace, trial.pod
        if not await self._reviews.allowed("create", "pods", namespace, "portforward", pod):
            what = words.not_allowed("create", "pods/portforward", namespace)
            return Outcome("fails", note=what)
        found = await knock(self._context, namespace, pod, trial.port, TRY_S)
        if found.refusal is not None:
            return Outcome("fails", note=found.refusal)
        return Outcome("works", found.latency_ms)


def answered(answer: Page) -> Outcome:
    """What an answer by a routing rule means."""
    status = answer.head.status
    if status < 400 or status in _FOR_USERS:
        return Outcome("works", answer.latency_ms)
    note = words.status(status)
    if status in _NO_BACK_END:
        return Outcome("fails", note=note)
    hint = ": the app's own, or no controller serves this rule" if status == 404 else ""
    return Outcome("unknown", answer.latency_ms, note + hint)


def proxied(answer: Page) -> Outcome:
    """What an answer through the API server's proxy means: its own Status, or the app's."""
    head, body = answer.head, answer.body
    if head.status >= 400 and b'"kind":"Status"' in body.replace(b" ", b""):
        return Outcome("fails", note=http.refusal(head, body))
    note = "" if head.status < 400 else words.status(head.status)
    return Outcome("works", answer.latency_ms, note)
