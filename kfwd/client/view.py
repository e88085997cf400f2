"""A snapshot kept current by events, and names looked up in it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from kfwd.errors import NotFound, UsageError
from kfwd.model import (
    AnyEvent,
    ContextsChanged,
    CountersMoved,
    EntryChanged,
    EntryCounters,
    EntryRemoved,
    EntryView,
    ProblemsChanged,
    ProfilesChanged,
    Snapshot,
    SnapshotEvent,
)


def apply(snapshot: Snapshot | None, event: AnyEvent) -> Snapshot | None:
    """The snapshot after `event`; None as long as none has come."""
    if isinstance(event, SnapshotEvent):
        return event.snapshot
    if snapshot is None:
        return None
    match event:
        case EntryChanged():
            changed = replace(snapshot, entries=_with(snapshot.entries, event.entry))
        case EntryRemoved():
            kept = tuple(entry for entry in snapshot.entries if entry.id != event.id)
            changed = replace(snapshot, entries=kept)
        case ContextsChanged():
            changed = replace(snapshot, contexts=event.contexts)
        case ProfilesChanged():
            changed = replace(snapshot, profiles=event.profiles)
        case ProblemsChanged():
            changed = replace(snapshot, problems=event.problems)
        case CountersMoved():
            changed = replace(snapshot, entries=_counted(snapshot.entries, event.entries))
        case _:
            return snapshot
    return replace(changed, seq=event.seq)


def entry_id(snapshot: Snapshot, name: str) -> str:
    """The id that `name` (`PROFILE/NAME`, or a NAME that only one entry has) stands for.

    Raises `NotFound`, or `UsageError` with the ids where several have that name.
    """
    found = [entry.id for entry in snapshot.entries if name in (entry.id, entry.name)]
    if name in found:
        return name
    if len(found) > 1:
        raise UsageError(f'"{name}" is ambiguous', hint=f"say which: {', '.join(sorted(found))}")
    if not found:
        raise NotFound(f'no entry "{name}"', hint=_near(name, snapshot.entries), code="no-entry")
    return found[0]


def entry_ids(snapshot: Snapshot, names: Iterable[str]) -> list[str]:
    """Each of `names` looked up, none twice."""
    return list(dict.fromkeys(entry_id(snapshot, name) for name in names))


def _with(entries: tuple[EntryView, ...], entry: EntryView) -> tuple[EntryView, ...]:
    if all(old.id != entry.id for old in entries):
        return (*entries, entry)
    return tuple(entry if old.id == entry.id else old for old in entries)


def _counted(
    entries: tuple[EntryView, ...], moved: tuple[EntryCounters, ...]
) -> tuple[EntryView, ...]:
    by_id = {counters.id: counters for counters in moved}
    return tuple(count(e, by_id[e.id]) if e.id in by_id else e for e in entries)


def count(entry: EntryView, now: EntryCounters) -> EntryView:
    """The entry with its numbers of now."""
    endpoints = now.endpoints or entry.endpoints
    return replace(entry, connections=now.connections, bytes=now.bytes, endpoints=endpoints)


def _near(name: str, entries: tuple[EntryView, ...]) -> str:
    import difflib

    known = [word for entry in entries for word in (entry.id, entry.name)]
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else "kfwd ls shows what there is"
