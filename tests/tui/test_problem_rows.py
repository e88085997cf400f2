"""Problems as lines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kfwd.model import (
    ContextState,
    ContextView,
    EntryView,
    Problem,
    ProblemView,
    ProfileView,
    SnapshotEvent,
    State,
)
from kfwd.tui.picture import Picture
from kfwd.tui.pieces import text, width
from kfwd.tui.problem_rows import Case, cases, lines
from tests.standin import entry, snapshot

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def problem(about: str, **more: Any) -> ProblemView:
    known = {"code": "x", "severity": "error", "text": "it broke", "since": NOW}
    return ProblemView(about=about, **{**known, **more})


def behind(id: str, cause: str) -> EntryView:
    wrong = Problem(code="x", severity="error", text="it broke", cause=cause)
    return entry(id, state=State.WAITING, problem=wrong, context=cause)


def context(name: str, state: ContextState = ContextState.LOGIN_NEEDED) -> ContextView:
    return ContextView(
        name=name, server="", state=state, latency_ms=None, transport=None, login_expires=None
    )


def picture(*problems: ProblemView, entries: tuple[EntryView, ...] = (), **more: Any) -> Picture:
    found = Picture()
    shown = snapshot(*entries, problems=problems, **more)
    found.apply([SnapshotEvent(seq=1, snapshot=shown)])
    return found


def drawn(case: Case, cells: int = 80) -> list[str]:
    return [text(line).rstrip() for line in lines(case, NOW + timedelta(minutes=3), cells)]


def test_a_cause_is_there_once_with_what_it_holds_up() -> None:
    entries = (behind("a/one", "dev"), behind("a/two", "dev"), behind("b/other", "prod"))
    (case,) = cases(picture(problem("dev"), entries=entries, contexts=(context("dev"),)))
    assert (case.kind, case.held, case.login) == ("context", ("a/one", "a/two"), "dev")
    assert case.entry == "a/one"
    first, said, fix = drawn(case)
    assert first.startswith(" ✖ context dev ")
    assert first.endswith("holds up 2 entries · 3m")
    assert (said, fix) == ("     it broke", "     → L logs in")


def test_what_several_entries_have_is_there_once() -> None:
    (case,) = cases(picture(problem("a/one", also=("a/two",)), entries=(entry("a/one"),)))
    assert (case.kind, case.entry) == ("entry", "a/one")
    assert drawn(case)[0].endswith("holds up 1 entry too · 3m")


def test_the_worst_is_first() -> None:
    found = cases(
        picture(
            problem("daemon", severity="info"),
            problem("shop", severity="warning"),
            problem("a/one"),
            entries=(entry("a/one"),),
            profiles=(ProfileView(name="shop", context="dev", entries=1, problem=None),),
        )
    )
    assert [case.kind for case in found] == ["entry", "profile", "daemon"]
    assert found[0].entry == "a/one"
    assert found[2].entry is None


def test_the_fix_is_behind_an_arrow_and_a_login_is_a_key() -> None:
    hint = "run `kfwd login dev`"
    shown = picture(
        problem("a/one", hint=hint),
        entries=(entry("a/one", context="dev"),),
        contexts=(context("dev"),),
    )
    assert drawn(cases(shown)[0])[-1] == f"     → L logs in, or {hint}"
    well = picture(problem("dev", hint=hint), contexts=(context("dev", ContextState.OK),))
    assert drawn(cases(well)[0])[-1] == f"     → {hint}"


def test_faults_are_a_line_each() -> None:
    (case,) = cases(picture(problem("shop", text="/p/a.yaml:1:1: one\n/p/a.yaml:2:1: two")))
    found = [text(line) for line in lines(case, NOW, 80, without="/p/")]
    assert found[1:] == ["     a.yaml:1:1: one", "     a.yaml:2:1: two"]


@pytest.mark.parametrize("cells", [80, 120, 200])
def test_all_of_it_is_told_and_nothing_is_wider_than_the_screen(cells: int) -> None:
    long = "日本語 and more " * 40
    (case,) = cases(picture(problem("x" * 300, text=long, hint=long)))
    found = list(lines(case, NOW, cells))
    assert all(width(line) <= cells for line in found)
    said = " ".join(text(line).strip(" →") for line in found[1:])
    assert said.split() == long.split() * 2
