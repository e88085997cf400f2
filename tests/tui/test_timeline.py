"""The last hour as states."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from kfwd.api_history import HistoryItem
from kfwd.model import State
from kfwd.tui.pieces import Piece, text
from kfwd.tui.timeline import SHADES, SPAN, bar, legend, stretches, summary

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def item(minutes_ago: float, code: str, said: str = "") -> HistoryItem:
    return HistoryItem(at=NOW - timedelta(minutes=minutes_ago), code=code, text=said or code)


def test_every_state_has_a_shape() -> None:
    assert set(SHADES) == {*State, None}
    assert all(len(shape) == 1 for shape in SHADES.values())


def test_what_was_before_the_hour_reaches_into_it() -> None:
    found = stretches([item(90, "ready"), item(30, "waiting"), item(15, "ready")], NOW)
    assert [(each.state, each.seconds / 60) for each in found] == [
        (State.READY, 30),
        (State.WAITING, 15),
        (State.READY, 15),
    ]
    assert text(bar(found, 8)) == "████▒▒██"


def test_before_the_first_state_nothing_is_known() -> None:
    found = stretches([item(30, "ready"), item(20, "endpoint-added")], NOW)
    assert [each.state for each in found] == [None, State.READY]
    assert text(bar(found, 4)) == "  ██"
    assert text(summary(found)) == "100 % served"
    assert stretches([], NOW)[0].state is None
    assert summary(stretches([], NOW)) == ()


def test_a_moment_is_seen_however_short_it_was() -> None:
    blip = [item(90, "ready"), item(20.1, "failed", "no"), item(20, "ready")]
    found = stretches(blip, NOW)
    assert text(bar(found, 6)) == "███x██"
    assert bar(found, 6)[1] == Piece("x", "bad")
    assert text(legend(found)) == "x failed  "


def test_what_began_this_moment_is_seen() -> None:
    assert text(bar(stretches([item(90, "ready"), item(0, "waiting")], NOW), 3)) == "██▒"


def test_the_last_time_away_is_told_with_its_reason() -> None:
    away = [item(90, "ready"), item(20, "waiting", "no\nready pod"), item(14, "ready")]
    said = text(summary(stretches(away, NOW)))
    assert said.startswith("90.00 % served · 6m waiting at ")
    assert said.endswith(": no ready pod")


def test_paused_is_no_time_away() -> None:
    found = stretches([item(90, "ready"), item(30, "paused")], NOW)
    assert text(summary(found)) == "100 % served"
    assert text(legend(found)) == "- paused  "


def test_the_time_without_a_daemon_is_not_counted() -> None:
    found = stretches([item(90, "ready"), item(30, "stopping"), item(10, "ready")], NOW)
    assert text(summary(found)) == "100 % served"
    assert text(bar(found, 6)) == "███··█"


def test_what_is_not_known_of_a_daemon_that_was_killed_is_not_its_last_state() -> None:
    found = stretches([item(90, "ready"), item(30, "unknown"), item(10, "waiting")], NOW)
    assert text(bar(found, 6)) == "███  ▒"
    assert text(summary(found)).startswith("75.00 % served")


def test_the_hour_has_no_gap() -> None:
    found = stretches([item(70, "ready"), item(-1, "waiting"), item(5, "ready")], NOW)
    assert found[0].begin == NOW - SPAN
    assert found[-1].end == NOW
    assert all(a.end == b.begin for a, b in pairwise(found))
    assert bar(found, 0) == ()
