"""What is: the snapshot, the stream of what changes, and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import TypeVar

from kfwd.daemon import metrics
from kfwd.daemon.api.route import Call, Nothing, Route
from kfwd.model import AnyEvent, Heartbeat, Snapshot

T = TypeVar("T")
B = TypeVar("B")
HEARTBEAT_S = 15.0

Plain = Call[Nothing, Nothing]


async def get_snapshot(call: Plain) -> Snapshot:
    """Everything at this moment."""
    call.daemon.look()
    return call.daemon.store.snapshot()


async def get_events(call: Plain) -> AsyncGenerator[AnyEvent, None]:
    """A snapshot, then every change; a client that falls behind is cut off."""
    store = call.daemon.store
    call.daemon.look()
    subscription = store.subscribe()
    subscription.on_cut = call.abort
    try:
        async with aclosing(beating(subscription, lambda: Heartbeat(seq=store.seq))) as events:
            async for event in events:
                yield event
    finally:
        subscription.close()


async def get_metrics(call: Plain) -> str:
    """Prometheus text."""
    call.daemon.look()
    return metrics.exposition(call.daemon.store.snapshot())


async def beating(
    source: AsyncIterator[T], beat: Callable[[], B], every_s: float = HEARTBEAT_S
) -> AsyncGenerator[T | B, None]:
    """The items of `source`, and a beat whenever there was none for `every_s`.

    A wait for the next item is cancelled by each beat, which `source` must bear.
    """
    while True:
        try:
            async with asyncio.timeout(every_s):
                item: T | B = await anext(source)
        except TimeoutError:
            item = beat()
        except StopAsyncIteration:
            return
        yield item


ROUTES = (
    Route("GET", "/v1/snapshot", get_snapshot, Snapshot),
    Route("GET", "/v1/events", get_events, AnyEvent, lines=True),
    Route("GET", "/metrics", get_metrics, str, media=metrics.CONTENT_TYPE),
)
