"""Headers of requests that are passed on. Pure."""

from __future__ import annotations

from kfwd.proxy.upstream import Client
from kfwd.wire import http1
from kfwd.wire.http1 import Lines, RequestHead

NOT_PASSED = frozenset({"h2c"})
"""Protocols that no upgrade is passed on for: the request is served without it."""


def upgrades(request: RequestHead) -> bool:
    """Whether the request is to be passed on as an upgrade."""
    return request.upgrades and not NOT_PASSED.intersection(request.tokens("upgrade"))


def lines(request: RequestHead, *, upgrade: bool) -> Lines:
    """The headers for the next server; an upgrade is asked for again."""
    kept = http1.end_to_end(request)
    if not upgrade:
        return kept
    return (*kept, ("Connection", "Upgrade"), ("Upgrade", request.get("upgrade")))


def forwarded_for(request: RequestHead, kept: Lines, client: Client) -> Lines:
    """`kept` with the client's address behind those of earlier hops, as Go's proxies do it."""
    if not client.host:
        return kept
    if "x-forwarded-for" not in request.index:
        return (*kept, ("X-Forwarded-For", client.host))
    before = request.get("x-forwarded-for")
    value = f"{before}, {client.host}" if before else client.host
    return (*http1.without(kept, {"x-forwarded-for"}), ("X-Forwarded-For", value))
