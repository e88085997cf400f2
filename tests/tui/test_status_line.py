"""The first line of every screen."""

from __future__ import annotations

from kfwd.model import ProblemView, SnapshotEvent, State
from kfwd.tui.picture import Picture
from kfwd.tui.pieces import text, width
from kfwd.tui.status_line import status
from tests.standin import entry, snapshot


def test_before_anything_is_known_it_is_the_name_alone() -> None:
    assert text(status(Picture(), "routes", 30)).rstrip() == " kfwd  routes"


def test_counts_rates_and_problems() -> None:
    problem = ProblemView(code="x", severity="error", text="broken", about="dev")
    picture = Picture()
    entries = (entry("a/a"), entry("a/b"), entry("a/c", state=State.FAILED))
    first = snapshot(*entries, problems=(problem,))
    picture.apply([SnapshotEvent(seq=1, snapshot=first)])
    line = status(picture, "", 100)
    assert width(line) == 100
    assert text(line).startswith(" kfwd   2 up · 1 failed  ")
    assert text(line).endswith("↓    0 B/s  ↑    0 B/s   ! 1 problem ")


def test_no_problems_is_said() -> None:
    picture = Picture()
    picture.apply([SnapshotEvent(seq=1, snapshot=snapshot())])
    assert text(status(picture, "", 80)).endswith("no problems ")


def test_states_are_the_last_to_be_given_up() -> None:
    picture = Picture()
    states = [State.READY, State.READY, State.DEGRADED, State.WAITING, State.STARTING, State.FAILED]
    entries = [entry(f"a/{number}", state=state) for number, state in enumerate(states)]
    picture.apply([SnapshotEvent(seq=1, snapshot=snapshot(*entries))])
    assert "kfwd  problems   2 up · 1 degraded · 1 waiting" in text(
        status(picture, "problems", 140)
    )
    assert " problems   2 up · 1 degraded · 1 waiting" in text(status(picture, "problems", 110))
    narrow = text(status(picture, "problems", 80))
    assert " kfwd  problems   ● 2  ◐ 1  ◌ 1  … 1  ✖ 1 " in narrow
    assert width(status(picture, "problems", 80)) == 80
