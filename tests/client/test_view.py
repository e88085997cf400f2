"""Snapshots kept current, and names looked up in them."""

from __future__ import annotations

import pytest

from kfwd.client import view
from kfwd.errors import NotFound, UsageError
from kfwd.model import (
    Bytes,
    Connections,
    CountersMoved,
    EndpointView,
    EntryChanged,
    EntryCounters,
    EntryRemoved,
    Heartbeat,
    ProblemsChanged,
    SnapshotEvent,
    State,
)
from tests.standin import entry, snapshot


def test_nothing_is_known_before_the_first_snapshot() -> None:
    assert view.apply(None, EntryRemoved(seq=1, id="dev/web")) is None


def test_a_snapshot_replaces_everything() -> None:
    fresh = snapshot(instance="other", seq=1)
    assert view.apply(snapshot(entry()), SnapshotEvent(seq=1, snapshot=fresh)) == fresh


def test_entries_come_change_in_place_and_go() -> None:
    now = view.apply(
        snapshot(entry("dev/a"), entry("dev/b")), EntryChanged(seq=42, entry=entry("-/c"))
    )
    assert now is not None
    waiting = entry("dev/a", state=State.WAITING)
    now = view.apply(now, EntryChanged(seq=43, entry=waiting))
    assert now is not None
    assert [e.id for e in now.entries] == ["dev/a", "dev/b", "-/c"]
    assert now.entries[0].state is State.WAITING
    now = view.apply(now, EntryRemoved(seq=44, id="dev/b"))
    assert now is not None
    assert ([e.id for e in now.entries], now.seq) == (["dev/a", "-/c"], 44)


def test_counters_move_only_the_entries_they_name() -> None:
    endpoints = (EndpointView(pod="web-1", address=None, ready=True, open=2),)
    moved = EntryCounters(
        id="dev/a",
        connections=Connections(open=2, total=5),
        bytes=Bytes(received=7),
        endpoints=endpoints,
    )
    now = view.apply(
        snapshot(entry("dev/a"), entry("dev/b")), CountersMoved(seq=42, entries=(moved,))
    )
    assert now is not None
    assert (now.entries[0].connections.total, now.entries[0].bytes.received) == (5, 7)
    assert now.entries[0].endpoints == endpoints
    assert now.entries[1].connections == Connections()


def test_problems_are_replaced_and_a_heartbeat_changes_nothing() -> None:
    before = snapshot(entry())
    assert view.apply(before, Heartbeat(seq=41)) is before
    now = view.apply(before, ProblemsChanged(seq=42, problems=()))
    assert now is not None
    assert now.seq == 42


def test_an_id_and_a_unique_name_are_found() -> None:
    now = snapshot(entry("dev/web"), entry("dev/db"), entry("-/web"))
    assert view.entry_id(now, "dev/web") == "dev/web"
    assert view.entry_ids(now, ["db", "dev/db", "-/web"]) == ["dev/db", "-/web"]


def test_an_ambiguous_name_is_a_usage_error_with_the_list() -> None:
    with pytest.raises(UsageError) as caught:
        view.entry_id(snapshot(entry("dev/web"), entry("-/web")), "web")
    assert caught.value.hint == "say which: -/web, dev/web"


def test_an_unknown_name_is_not_found_with_the_nearest() -> None:
    with pytest.raises(NotFound) as caught:
        view.entry_id(snapshot(entry("dev/web")), "wbe")
    assert (caught.value.text, caught.value.hint) == ('no entry "wbe"', "did you mean web?")
