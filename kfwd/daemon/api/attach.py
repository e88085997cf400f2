"""Following one entry as `kubectl port-forward` shows it; an attached entry ends with this."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing

from kfwd.api_model import (
    AnyAttachEvent,
    AttachConnection,
    AttachHeartbeat,
    AttachListening,
    AttachMoved,
    AttachState,
)
from kfwd.daemon.api.entries import ENTRY, Plain
from kfwd.daemon.api.route import Route
from kfwd.daemon.api.snapshot import beating
from kfwd.daemon.store import Subscription
from kfwd.entries.entry import Entry
from kfwd.model import EntryChanged, EntryRemoved, EntryView, SnapshotEvent

FORWARD = "forward"

CONNECTIONS_KEPT = 1000
"""Connections that may wait to be told of; the oldest are dropped, for they are only lines."""


async def get_attach(call: Plain) -> AsyncGenerator[AnyAttachEvent, None]:
    """What kubectl would print, as it happens."""
    daemon, id = call.daemon, call.entry
    entry = daemon.entry(id)
    subscription = daemon.store.subscribe()
    subscription.on_cut = call.abort
    with daemon.attached.hold(id):
        following = Following(id, entry, subscription)
        try:
            async with aclosing(beating(following, AttachHeartbeat)) as events:
                async for event in events:
                    yield event
            if daemon.left:
                yield AttachMoved()
        finally:
            following.close()


class Following:
    """The attach events of one entry, from the store's events and the entry's own calls."""

    def __init__(self, id: str, entry: Entry, subscription: Subscription) -> None:
        self._id = id
        self._entry = entry
        self._events = subscription
        self._accepted: deque[int] = deque(maxlen=CONNECTIONS_KEPT)
        self._ready: deque[AnyAttachEvent] = deque()
        self._told: set[tuple[str, ...]] = set()
        self._state: AttachState | None = None
        self._wake = asyncio.Event()
        self._over = False
        entry.accepted.add(self._accept)
        subscription.on_push = self._wake.set

    def close(self) -> None:
        self._entry.accepted.discard(self._accept)
        self._events.close()

    def __aiter__(self) -> Following:
        return self

    async def __anext__(self) -> AnyAttachEvent:
        while True:
            self._wake.clear()
            self._drain()
            if self._ready:
                return self._ready.popleft()
            if self._accepted:
                return AttachConnection(port=self._accepted.popleft())
            if self._over:
                raise StopAsyncIteration
            await self._wake.wait()

    def _accept(self, port: int) -> None:
        self._accepted.append(port)
        self._wake.set()

    def _drain(self) -> None:
        """Turn the store's events that are there into ours."""
        while (event := self._events.take()) is not None:
            match event:
                case SnapshotEvent(snapshot=snapshot):
                    for view in snapshot.entries:
                        self._show(view)
                case EntryChanged(entry=view):
                    self._show(view)
                case EntryRemoved(id=self._id):
                    self._over = True
        self._over = self._over or self._events.over

    def _show(self, view: EntryView) -> None:
        if view.id != self._id:
            return
        for port in view.ports:
            known = port.port is not None or view.kind != FORWARD
            if port.listen and known and port.listen not in self._told:
                self._told.add(port.listen)
                self._ready.append(AttachListening(listen=port.listen, remote=port.port))
        state = AttachState(state=view.state, problem=view.problem)
        if state != self._state:
            self._state = state
            self._ready.append(state)


ROUTES = (Route("GET", f"{ENTRY}/attach", get_attach, AnyAttachEvent, lines=True),)
