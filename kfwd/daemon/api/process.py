"""The process itself: its log, its end, and the document of this API."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

from msgspec import Meta, Struct

from kfwd.api_handover import HandoverRequest, Successor
from kfwd.api_model import LogLine, Stopped
from kfwd.daemon.api.route import Call, Nothing, Route
from kfwd.daemon.api.snapshot import beating
from kfwd.daemon.logs import KEPT


class LogQuery(Struct, frozen=True, forbid_unknown_fields=True):
    entry: str | None = None
    n: Annotated[int, Meta(ge=0, le=KEPT)] = 200
    follow: bool = False


async def get_logs(call: Call[LogQuery, Nothing]) -> AsyncGenerator[LogLine | None, None]:
    """The newest lines of the log, and with `follow` those that come."""
    query, ring = call.query, call.daemon.ring
    follower = ring.follow() if query.follow else None
    try:
        for old in ring.tail(query.n, query.entry):
            yield old
        if follower is not None:
            async with aclosing(beating(follower, lambda: None)) as lines:
                async for line in lines:
                    if line is None or query.entry in (None, line.entry):
                        yield line
    finally:
        if follower is not None:
            follower.close()


async def post_stop(call: Call[Nothing, Nothing]) -> Stopped:
    """Stop the daemon."""
    call.daemon.stopping.set()
    return Stopped(pid=os.getpid())


async def post_handover(call: Call[Nothing, HandoverRequest]) -> Successor:
    """Have a new process take over the listeners and go on."""
    return await call.daemon.hand_over(call.body)


async def get_openapi(call: Call[Nothing, Nothing]) -> dict[str, Any]:
    """This document."""
    from kfwd.daemon.api import routes
    from kfwd.daemon.api.openapi import document

    return document(routes.ALL)


ROUTES = (
    Route("GET", "/v1/logs", get_logs, LogLine, query=LogQuery, lines=True),
    Route("POST", "/v1/stop", post_stop, Stopped),
    Route("POST", "/v1/handover", post_handover, Successor, body=HandoverRequest),
    Route("GET", "/v1/openapi.json", get_openapi, dict),
)
