"""The HTTP requests that an entry has served, where it was asked to keep them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from msgspec import Struct

from kfwd.api_model import RequestView
from kfwd.daemon.api.entries import ENTRY
from kfwd.daemon.api.route import Call, Nothing, Route
from kfwd.daemon.api.snapshot import beating
from kfwd.errors import UsageError


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    follow: bool = False


async def get_requests(call: Call[Query, Nothing]) -> AsyncGenerator[RequestView | None, None]:
    """The newest requests, and with `follow` those that come."""
    log = getattr(call.daemon.entry(call.entry), "requests", None)
    if log is None:
        raise UsageError(
            f"{call.entry} keeps no requests",
            hint="`requests: true` in its profile, or `kfwd proxy --requests`",
            code="requests-not-kept",
        )
    follower = log.follow() if call.query.follow else None
    try:
        for seen in log.seen:
            yield seen
        if follower is not None:
            async with aclosing(beating(follower, lambda: None)) as requests:
                async for request in requests:
                    yield request
    finally:
        if follower is not None:
            follower.close()


ROUTES = (Route("GET", f"{ENTRY}/requests", get_requests, RequestView, query=Query, lines=True),)
