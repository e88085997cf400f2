"""What everybody is shown: one store, one writer, immutable snapshots.

A subscriber's first event is a whole snapshot, taken in the same step as its registration; then
it gets every change in order. One that falls behind is cut off, because a stream with a gap
cannot be trusted; it subscribes again. Counters are no changes: they are sampled (`move`) and
leave in one batched event.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import msgspec

from kfwd.daemon import health
from kfwd.entries.states import same
from kfwd.model import (
    AnyEvent,
    Bytes,
    Connections,
    ContextsChanged,
    ContextView,
    CountersMoved,
    DaemonView,
    EntryChanged,
    EntryCounters,
    EntryRemoved,
    EntryView,
    ProblemsChanged,
    ProblemView,
    ProfilesChanged,
    ProfileView,
    Snapshot,
    SnapshotEvent,
)

QUEUE = 1024
"""Events that may wait for one subscriber: two for each of 500 entries, some to spare."""

SAMPLE_S = 0.25


class Subscription:
    """One subscriber's events, the snapshot first. Iteration ends when it is cut off or closed.

    `on_push` is called for each new event, `on_cut` when the subscriber fell too far behind.
    """

    def __init__(self, first: SnapshotEvent, leave: Callable[[Subscription], None]) -> None:
        self.over = False
        self.on_push: Callable[[], None] = lambda: None
        self.on_cut: Callable[[], None] = lambda: None
        self._waiting: deque[AnyEvent] = deque([first])
        self._leave = leave
        self._ready = asyncio.Event()

    def push(self, event: AnyEvent) -> None:
        """Queue an event, or cut this subscriber off when it is too far behind."""
        if len(self._waiting) >= QUEUE:
            self.close()
            self.on_cut()
            return
        self._waiting.append(event)
        self._ready.set()
        self.on_push()

    def take(self) -> AnyEvent | None:
        """The next event that is there already."""
        return self._waiting.popleft() if self._waiting else None

    def close(self) -> None:
        """Leave; what was queued is dropped."""
        self.over = True
        self._waiting.clear()
        self._ready.set()
        self.on_push()
        self._leave(self)

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> AnyEvent:
        while not self.over:
            self._ready.clear()
            if (event := self.take()) is not None:
                return event
            await self._ready.wait()
        raise StopAsyncIteration


class Store:
    """The current truth about entries, contexts, profiles and problems."""

    def __init__(self, daemon: DaemonView, instance: str) -> None:
        self.instance = instance
        self.seq = 0
        self._daemon = daemon
        self._entries: dict[str, EntryView] = {}
        self._contexts: tuple[ContextView, ...] = ()
        self._context_problems: tuple[ProblemView, ...] = ()
        self._samples: dict[str, EntryCounters] = {}
        self._profiles: tuple[ProfileView, ...] = ()
        self._own_problems: dict[str, ProblemView] = {}
        self._problems: tuple[ProblemView, ...] = ()
        self._snapshot: Snapshot | None = None
        self._subscribers: set[Subscription] = set()
        self._watched = asyncio.Event()

    def snapshot(self) -> Snapshot:
        """Everything at this moment; entries in the order of their ids."""
        if self._snapshot is None:
            self._snapshot = Snapshot(
                instance=self.instance,
                seq=self.seq,
                daemon=self._daemon,
                entries=tuple(self._entries[entry] for entry in sorted(self._entries)),
                contexts=self._contexts,
                profiles=self._profiles,
                problems=self._problems,
            )
        return self._snapshot

    def entry(self, entry: str) -> EntryView | None:
        return self._entries.get(entry)

    def subscribe(self) -> Subscription:
        """A snapshot as of now and every event after it."""
        snapshot = self.snapshot()
        first = SnapshotEvent(seq=snapshot.seq, snapshot=snapshot)
        subscription = Subscription(first, self._left)
        self._subscribers.add(subscription)
        self._watched.set()
        return subscription

    async def watched(self) -> None:
        """Wait until somebody subscribes (at once if somebody has)."""
        await self._watched.wait()

    def close(self) -> None:
        """End every subscription; nothing is shown any more."""
        for subscription in tuple(self._subscribers):
            subscription.close()

    def _left(self, subscription: Subscription) -> None:
        self._subscribers.discard(subscription)
        if not self._subscribers:
            self._watched.clear()

    def put(self, view: EntryView) -> None:
        """Show an entry as it is now. Nothing happens if only its counters moved."""
        old = self._entries.get(view.id)
        if old is not None and still(old) == still(view):
            return
        self._entries[view.id] = view
        self._publish(EntryChanged(seq=self._next(), entry=view))
        self._review()

    def remove(self, entry: str) -> None:
        self._samples.pop(entry, None)
        if self._entries.pop(entry, None) is not None:
            self._publish(EntryRemoved(seq=self._next(), id=entry))
            self._review()

    def move(self, counters: Iterable[EntryCounters]) -> None:
        """Take a sample of counters; one event for the entries whose counters moved."""
        moved = tuple(sample for sample in counters if self._moves(sample))
        if not moved:
            return
        for sample in moved:
            self._entries[sample.id] = _with_counters(self._entries[sample.id], sample)
        self._publish(CountersMoved(seq=self._next(), entries=moved))

    def _moves(self, sample: EntryCounters) -> bool:
        if self._samples.get(sample.id) is sample:
            return False
        self._samples[sample.id] = sample
        view = self._entries.get(sample.id)
        return view is not None and _with_counters(view, sample) != view

    def set_contexts(
        self, contexts: Sequence[ContextView], problems: Sequence[ProblemView]
    ) -> None:
        """Show the contexts in use; `problems` are about them, by name."""
        views = tuple(contexts)
        self._context_problems = tuple(problems)
        if views != self._contexts:
            self._contexts = views
            self._publish(ContextsChanged(seq=self._next(), contexts=views))
        self._review()

    def set_profiles(self, profiles: Sequence[ProfileView]) -> None:
        views = tuple(profiles)
        if views != self._profiles:
            self._profiles = views
            self._publish(ProfilesChanged(seq=self._next(), profiles=views))
            self._review()

    def set_problem(self, key: str, problem: ProblemView | None) -> None:
        """Raise or clear a problem of the daemon itself. `key` names the thing that has it."""
        old = self._own_problems.get(key)
        if problem is None:
            self._own_problems.pop(key, None)
        elif old is None or not same(old, problem):
            self._own_problems[key] = problem
        self._review()

    def _review(self) -> None:
        problems = health.standing(
            own=self._own_problems.values(),
            contexts=self._context_problems,
            profiles=self._profiles,
            entries=self._entries.values(),
        )
        if problems != self._problems:
            self._problems = problems
            self._publish(ProblemsChanged(seq=self._next(), problems=problems))

    def _next(self) -> int:
        self.seq += 1
        return self.seq

    def _publish(self, event: AnyEvent) -> None:
        self._snapshot = None
        for subscription in tuple(self._subscribers):
            subscription.push(event)


async def sample(store: Store, read: Callable[[], Iterable[EntryCounters]]) -> None:
    """Feed the store with counters while somebody watches; no timer runs while nobody does."""
    while True:
        await store.watched()
        store.move(read())
        await asyncio.sleep(SAMPLE_S)


def _with_counters(view: EntryView, sample: EntryCounters) -> EntryView:
    """`view` with the numbers of `sample`."""
    return msgspec.structs.replace(
        view, connections=sample.connections, bytes=sample.bytes, endpoints=sample.endpoints
    )


def still(view: EntryView) -> EntryView:
    """`view` without what moves by the byte."""
    endpoints = tuple(msgspec.structs.replace(endpoint, open=0) for endpoint in view.endpoints)
    return msgspec.structs.replace(
        view, connections=Connections(), bytes=Bytes(), endpoints=endpoints
    )
