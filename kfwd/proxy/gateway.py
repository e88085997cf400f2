"""The gateway's decisions: from what a client asks to a service, a rule, a page or a refusal.

Rules of this file (design section 9). Whatever the form of a request, the host in it is looked up
among the objects of the cluster, and nothing else is ever reached. A page of another site gets no
further than a link; a WebSocket is opened only by a page of the same origin.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

from kfwd.errors import HttpError, KfwdError
from kfwd.proxy import gateway_pages as pages
from kfwd.proxy import origin, passing
from kfwd.proxy.api_proxy import read_path
from kfwd.proxy.decision import Answer, Decision, Forward, Here, Raw
from kfwd.proxy.exchange import repeatable
from kfwd.proxy.gateway_pages import Wording
from kfwd.proxy.upstream import Client, Upstreams
from kfwd.resolve import decision as ruling
from kfwd.resolve import hosts, rules
from kfwd.resolve.decision import Broken, HeaderChanges, NoRule, Redirect
from kfwd.resolve.landscape import Landscape
from kfwd.resolve.names import ByRules, Itself, Names, Place, Refused, ToPod, ToService
from kfwd.wire import http1, http1_target
from kfwd.wire.http1 import Lines, RequestHead, ResponseHead
from kfwd.wire.http1_target import Target

HTTP_PORT, HTTPS_PORT = 80, 443
NO_TLS = "HTTPS is not served here: an Ingress's certificate stays in the cluster"
USE_HTTP = "ask for http:// and port 80: the rules are the same"
MACHINE = Refused("the gateway leads to the cluster, not to services of this machine")


class Reach(Protocol):
    """The cluster, as far as the gateway may reach it."""

    @property
    def name(self) -> str:
        """What people call the cluster."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What hinders looking at it, in sentences."""

    async def landscape(self) -> Landscape:
        """What is known now. Raises `KfwdError` when nothing is for too long."""
        ...

    def upstreams(self, place: ToService | ToPod, *, reuse: bool) -> Upstreams:
        """The way to a place; `reuse`: whether a connection that served others will do."""
        ...


class RawTo(Raw, frozen=True):
    """Bytes both ways to `place`."""

    place: ToService | ToPod


class Through(Client, frozen=True):
    """A client whose requests come through a connection that it asked for, to `place`."""

    place: ToService | ToPod


class Gateway:
    """Decides about the requests of one listener."""

    def __init__(self, reach: Reach, *, uniform: Callable[[], float] = random.random) -> None:
        self._reach = reach
        self._uniform = uniform

    async def decide(self, request: RequestHead, client: Client) -> Decision:
        target = http1_target.parse(request)
        if target.form == "asterisk":
            return Answer(200 if request.method == "OPTIONS" else 400)
        wording = pages.wording(request)
        if target.form == "authority":
            return await self.connect(hosts.name_of(target.authority), _port(target), wording)
        try:
            known = await self._reach.landscape()
        except KfwdError as error:
            return pages.failure(wording, error)
        asked = _Asked(request, target, client, self._reach, self._uniform)
        return asked.decide(known)

    async def connect(self, host: str, port: int, wording: Wording) -> Answer | RawTo | Here:
        """What becomes of a client that wants a connection (CONNECT, SOCKS)."""
        try:
            known = await self._reach.landscape()
        except KfwdError as error:
            return pages.failure(wording, error)
        place = known.names.find(host, port)
        match place:
            case ToService() | ToPod():
                upstreams = self._reach.upstreams(place, reuse=False)
                return RawTo(upstreams, lambda error: pages.failure(wording, error), place)
            case ByRules():
                return _to_rules(port, wording)
            case Itself():
                return pages.refusal(wording, MACHINE)
            case Refused():
                return pages.refusal(wording, place)


def _to_rules(port: int, wording: Wording) -> Answer | Here:
    if port == HTTP_PORT:
        return Here()
    if port == HTTPS_PORT:
        return pages.refusal(wording, Refused(NO_TLS, USE_HTTP, status=501))
    return pages.refusal(wording, Refused(f"an Ingress has no port {port}", USE_HTTP, status=404))


class _Asked:
    """One request with all that deciding about it takes."""

    def __init__(
        self,
        request: RequestHead,
        target: Target,
        client: Client,
        reach: Reach,
        uniform: Callable[[], float],
    ) -> None:
        self._request = request
        self._target = target
        self._client = client
        self._reach = reach
        self._uniform = uniform
        self._upgrade = passing.upgrades(request)
        self._wording = pages.wording(request)

    def decide(self, known: Landscape) -> Decision:
        if self._target.scheme == "https":
            return pages.refusal(self._wording, Refused(NO_TLS, USE_HTTP, status=501))
        place = self._place(known.names)
        if isinstance(place, Refused):
            return pages.refusal(self._wording, place)
        refusal = origin.refusal(
            self._request, lambda page: self._is_ours(page, known.names), upgrade=self._upgrade
        )
        if refusal is not None:
            return pages.refusal(self._wording, Refused(refusal))
        match place:
            case Itself():
                return self._own_page(known)
            case ByRules():
                return self._by_rules(place, known)
            case ToService() | ToPod():
                sent = self._target.with_query(self._target.path)
                return self._forward(place, sent, self._lines())

    def _place(self, names: Names) -> Place:
        """What the host of the request is, with its port where that is not the listener's own.

        A port that is neither the listener's nor there is what another way to here is called.
        """
        if isinstance(self._client, Through):
            return self._client.place
        host, port = hosts.name_of(self._target.authority), _port(self._target, default=0)
        here, _, here_port = self._client.listen.rpartition(":")
        direct, own = self._target.form == "origin", str(port) == here_port
        if direct and host == here.strip("[]"):
            return Itself()
        meant = None if not port or (direct and own) else port
        place = names.find(host, meant, short=not direct)
        if isinstance(place, Itself):
            return place if direct or own else MACHINE
        if isinstance(place, Refused) and place.status == 404 and (direct or own):
            return names.find(host, short=not direct)
        return place

    def _is_ours(self, page: str, names: Names) -> bool:
        """Whether a page from there (an authority) may do more than link to here."""
        if page.lower() == self._target.authority.lower():
            return True
        place = names.find(hosts.name_of(page), short=False)
        return not self._upgrade and isinstance(place, ToService | ToPod | ByRules)

    def _own_page(self, known: Landscape) -> Answer:
        return pages.own(
            self._request,
            self._target,
            known,
            listener=self._client.listen,
            cluster=self._reach.name,
            problems=self._reach.problems,
        )

    def _by_rules(self, place: ByRules, known: Landscape) -> Decision:
        asked = ruling.Request(
            host=place.host,
            path=read_path(self._target.path),
            authority=self._target.authority,
            method=self._request.method,
            headers=self._request.index,
            query=self._target.query or "",
        )
        decided = rules.decide(known.rules, asked, known.services, self._uniform)
        match decided:
            case ruling.Forward():
                return self._forward_by_rule(decided)
            case Redirect():
                lines = decided.response_headers.applied([("Location", decided.location)])
                return Answer(decided.status, tuple(lines))
            case NoRule():
                return pages.refusal(self._wording, Refused(decided.reason, status=404))
            case Broken():
                told = Refused(decided.reason, decided.hint, status=decided.status)
                return pages.refusal(self._wording, told)

    def _forward_by_rule(self, rule: ruling.Forward) -> Forward:
        place = ToService(rule.namespace, rule.service, rule.port)
        sent = f"{rule.path}?{rule.query}" if rule.query else rule.path
        lines = self._lines() if rule.host is None else _with_host(self._lines(), rule.host)
        changed = tuple(rule.request_headers.applied(lines))
        return self._forward(place, sent, changed, rule.response_headers)

    def _forward(
        self,
        place: ToService | ToPod,
        sent: str,
        lines: Lines,
        changes: HeaderChanges | None = None,
    ) -> Forward:
        def answered(_: ResponseHead, kept: Lines) -> tuple[Lines, None]:
            return (tuple(changes.applied(kept)) if changes else kept), None

        return Forward(
            self._reach.upstreams(place, reuse=repeatable(self._request)),
            self._request.method,
            sent,
            lines,
            lambda error: pages.failure(self._wording, error),
            answered,
            upgrade=self._upgrade,
        )

    def _lines(self) -> Lines:
        """The headers for the server. It sees the name that the client used, to build links."""
        kept = passing.lines(self._request, upgrade=self._upgrade)
        kept = passing.forwarded_for(self._request, kept, self._client)
        kept = http1.without(kept, {"x-forwarded-host", "x-forwarded-proto"})
        authority = self._target.authority
        added = (("X-Forwarded-Host", authority), ("X-Forwarded-Proto", "http"))
        named = _with_host(kept, authority) if self._target.form == "absolute" else kept
        return (*named, *added)


def _with_host(lines: Lines, host: str) -> Lines:
    return (("Host", host), *http1.without(lines, {"host"}))


def _port(target: Target, default: int = HTTP_PORT) -> int:
    text = hosts.port_of(target.authority)
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:6]) <= 65535):
        raise HttpError(f"{text} is no port")
    return int(text)
