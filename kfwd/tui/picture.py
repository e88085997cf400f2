"""What the TUI shows: the newest facts of the daemon, and rates sampled from its counters. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from kfwd.client import view
from kfwd.model import (
    AnyEvent,
    Bytes,
    ContextView,
    CountersMoved,
    DaemonView,
    EntryChanged,
    EntryRemoved,
    EntryView,
    Heartbeat,
    ProblemView,
    ProfileView,
    Snapshot,
    SnapshotEvent,
)

HISTORY = 60
"""Samples that are kept, one a second."""


class Rates(Struct, frozen=True, kw_only=True):
    """Bytes a second: `down` from the pod, `up` to it; histories oldest first."""

    down: float = 0.0
    up: float = 0.0
    history: tuple[float, ...] = (0.0,) * HISTORY
    history_up: tuple[float, ...] = (0.0,) * HISTORY


QUIET = Rates()


class Picture:
    """A snapshot kept current by events. Entries are in a table of their own: many change often."""

    def __init__(self) -> None:
        self.entries: dict[str, EntryView] = {}
        self.rates: dict[str, Rates] = {}
        self._rest: Snapshot | None = None
        self._counted: dict[str, Bytes] = {}
        self._sampled: float | None = None

    @property
    def known(self) -> bool:
        """Whether a snapshot has ever come."""
        return self._rest is not None

    @property
    def daemon(self) -> DaemonView | None:
        return self._rest.daemon if self._rest else None

    @property
    def contexts(self) -> tuple[ContextView, ...]:
        return self._rest.contexts if self._rest else ()

    @property
    def profiles(self) -> tuple[ProfileView, ...]:
        return self._rest.profiles if self._rest else ()

    @property
    def problems(self) -> tuple[ProblemView, ...]:
        return self._rest.problems if self._rest else ()

    def context(self, name: str) -> ContextView | None:
        return next((context for context in self.contexts if context.name == name), None)

    def rate(self, entry: str) -> Rates:
        return self.rates.get(entry, QUIET)

    @property
    def total(self) -> Rates:
        """Of all entries together; without history."""
        down = sum(rates.down for rates in self.rates.values())
        return Rates(down=down, up=sum(rates.up for rates in self.rates.values()))

    def apply(self, events: Iterable[AnyEvent]) -> bool:
        """Fold events in; whether anything but counters has changed."""
        changed = [self._apply(event) for event in events]
        return any(changed)

    def _apply(self, event: AnyEvent) -> bool:
        match event:
            case CountersMoved():
                for moved in event.entries:
                    if (entry := self.entries.get(moved.id)) is not None:
                        self.entries[moved.id] = view.count(entry, moved)
                return False
            case Heartbeat():
                return False
            case EntryChanged():
                self.entries[event.entry.id] = event.entry
            case EntryRemoved():
                self.entries.pop(event.id, None)
            case SnapshotEvent():
                self._rest = event.snapshot
                self.entries = {entry.id: entry for entry in event.snapshot.entries}
            case _:
                self._rest = view.apply(self._rest, event)
        return True

    def sample(self, now: float) -> None:
        """Take rates from the counters; `now` is monotonic seconds. Call once a second."""
        span = now - self._sampled if self._sampled is not None else 0.0
        before, self._counted = self._counted, {e.id: e.bytes for e in self.entries.values()}
        self._sampled = now
        if span <= 0:
            return
        self.rates = {
            id: rates
            for id, count in self._counted.items()
            if (rates := _next(self.rate(id), before.get(id, count), count, span)) is not QUIET
        }


def _next(rates: Rates, before: Bytes, now: Bytes, span: float) -> Rates:
    """Counters that fell are those of a new daemon: they say nothing yet."""
    down = max(0, now.received - before.received) / span
    up = max(0, now.sent - before.sent) / span
    history, history_up = (*rates.history[1:], down), (*rates.history_up[1:], up)
    if not any(history) and not any(history_up):
        return QUIET
    return Rates(down=down, up=up, history=history, history_up=history_up)
