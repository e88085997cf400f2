"""States, rates and times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kfwd.model import ContextState, ContextView, State
from kfwd.tui import words
from kfwd.tui.pieces import Piece, text

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_every_state_has_a_shape_a_word_and_a_tone() -> None:
    assert set(words.STATES) == set(State)
    assert set(words.CONTEXTS) == set(ContextState)
    assert words.state(State.FAILED) == Piece("✖ failed", "bad")


@pytest.mark.parametrize(
    ("rate", "found"),
    [
        (0, "0 B/s"),
        (999, "999 B/s"),
        (999.6, "1.0 kB/s"),
        (9_940, "9.9 kB/s"),
        (22_400, "22 kB/s"),
        (8_100_000, "8.1 MB/s"),
        (5e15, "5000 TB/s"),
    ],
)
def test_rates(rate: float, found: str) -> None:
    assert words.rate(rate) == found


@pytest.mark.parametrize(
    ("seconds", "found"), [(-3, "0s"), (59, "59s"), (750, "12m"), (15000, "4h"), (400000, "4d")]
)
def test_spans_are_the_largest_unit(seconds: int, found: str) -> None:
    assert words.span(NOW, NOW + timedelta(seconds=seconds)) == found


def test_a_sparkline_is_as_wide_as_asked_and_shows_that_something_moved() -> None:
    assert words.spark([0, 0], 4) == "▁▁▁▁"
    assert words.spark([1, 50, 100], 3) == "▂▅█"
    assert words.spark([100], 3) == "▁▁█"
    assert words.spark([100, 1, 1], 2) == "▂▂"


def test_a_plot_is_as_high_and_as_wide_as_asked() -> None:
    assert words.plot([0, 0], 4, 2) == ["    ", "▁▁▁▁"]
    assert words.plot([1, 50, 100], 3, 2) == ["  █", "▁██"]
    assert words.plot([1, 75, 100], 6, 2) == ["  ▄▄██", "▁▁████"]
    assert words.plot([100, 50, 50], 2, 1) == ["▄▄"]
    assert words.plot([], 2, 1) == ["▁▁"]


def context(**changes: object) -> ContextView:
    known: dict[str, object] = {
        "name": "dev",
        "server": "https://a",
        "state": ContextState.OK,
        "latency_ms": 3.12,
        "transport": "spdy",
        "login_expires": None,
    }
    return ContextView(**(known | changes))  # type: ignore[arg-type]  # made up of parts


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, "● dev · 3.1 ms"),
        ({"latency_ms": None}, "● dev"),
        ({"login_expires": NOW + timedelta(hours=7)}, "● dev · 3.1 ms · login 7h left"),
        ({"login_expires": NOW}, "● dev · 3.1 ms · login expired"),
        ({"state": ContextState.LOGIN_NEEDED}, "◐ dev · login needed"),
        ({"name": "a\nb", "latency_ms": 12.0}, "● a b · 12 ms"),
    ],
)
def test_contexts(changes: dict[str, object], found: str) -> None:
    assert text(tuple(words.contexts([context(**changes)], NOW))) == f"  {found}"


def test_of_several_contexts_the_names_are_told() -> None:
    several = [context(), context(name="prod", state=ContextState.UNREACHABLE)]
    assert text(tuple(words.contexts(several, NOW))) == "  ● dev  ✖ prod · unreachable"
