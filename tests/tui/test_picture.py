"""The newest facts, folded from events."""

from __future__ import annotations

from kfwd.model import (
    Bytes,
    Connections,
    CountersMoved,
    EntryChanged,
    EntryCounters,
    EntryRemoved,
    Heartbeat,
    ProblemsChanged,
    ProblemView,
    SnapshotEvent,
    State,
)
from kfwd.tui.picture import HISTORY, QUIET, Picture
from tests.standin import entry, snapshot


def picture(*ids: str) -> Picture:
    found = Picture()
    entries = [entry(id) for id in ids]
    assert found.apply([SnapshotEvent(seq=1, snapshot=snapshot(*entries))])
    return found


def moved(id: str, received: int, sent: int = 0) -> CountersMoved:
    counters = EntryCounters(
        id=id, connections=Connections(open=2), bytes=Bytes(received=received, sent=sent)
    )
    return CountersMoved(seq=2, entries=(counters,))


def test_nothing_is_known_before_the_first_snapshot() -> None:
    empty = Picture()
    assert (empty.known, empty.daemon, empty.contexts, empty.profiles) == (False, None, (), ())
    assert empty.problems == ()
    assert not empty.apply([Heartbeat(seq=1)])


def test_changes_are_told_from_counters() -> None:
    found = picture("dev/web")
    assert not found.apply([moved("dev/web", 10), moved("dev/gone", 1), Heartbeat(seq=3)])
    assert found.entries["dev/web"].connections.open == 2
    assert found.apply([EntryChanged(seq=4, entry=entry("dev/db", state=State.FAILED))])
    assert found.entries["dev/db"].state is State.FAILED
    assert found.apply([EntryRemoved(seq=5, id="dev/web")])
    assert list(found.entries) == ["dev/db"]


def test_the_rest_comes_with_events_of_its_own() -> None:
    found = picture()
    problem = ProblemView(code="x", severity="error", text="broken", about="dev")
    assert found.apply([ProblemsChanged(seq=2, problems=(problem,))])
    assert found.problems == (problem,)
    assert found.context("dev") is None


def test_rates_are_what_the_counters_grew_by_a_second() -> None:
    found = picture("dev/web", "dev/db")
    found.sample(10.0)
    found.apply([moved("dev/web", 3000, 40)])
    found.sample(12.0)
    rates = found.rate("dev/web")
    assert (rates.down, rates.up, rates.history[-2:]) == (1500.0, 20.0, (0.0, 1500.0))
    assert rates.history_up[-2:] == (0.0, 20.0)
    assert found.rate("dev/db") is QUIET
    assert (found.total.down, found.total.up) == (1500.0, 20.0)


def test_an_entry_is_quiet_again_when_its_history_is() -> None:
    found = picture("dev/web")
    found.sample(0.0)
    found.apply([moved("dev/web", 100)])
    for second in range(1, HISTORY + 1):
        found.sample(float(second))
        assert found.rate("dev/web") is not QUIET
    found.sample(HISTORY + 1.0)
    assert found.rate("dev/web") is QUIET


def test_counters_of_a_new_daemon_are_no_negative_rate() -> None:
    found = picture("dev/web")
    found.apply([moved("dev/web", 1000)])
    found.sample(0.0)
    found.apply([moved("dev/web", 10)])
    found.sample(1.0)
    assert found.total.down == 0.0
