"""One cause is one problem."""

from __future__ import annotations

from kfwd.daemon.health import about, standing
from kfwd.model import ProfileView
from tests.daemon.records import entry, problem


def test_entries_behind_a_dead_context_are_one_problem() -> None:
    dead = about("dev", problem("the API server does not answer", code="unreachable"))
    entries = [
        entry(f"dev/{number}", problem=problem("it waits for dev", cause="dev"))
        for number in range(100)
    ]
    assert standing(own=[], contexts=[dead], profiles=[], entries=entries) == (dead,)


def test_an_effect_whose_cause_is_not_shown_is_shown() -> None:
    orphan = entry(problem=problem(cause="dev"))
    found = standing(own=[], contexts=[], profiles=[], entries=[orphan])
    assert [view.about for view in found] == ["dev/web"]


def test_the_daemons_own_come_first_then_contexts_profiles_and_entries_by_id() -> None:
    found = standing(
        own=[about("daemon", problem())],
        contexts=[about("ctx", problem())],
        profiles=[ProfileView(name="dev", context=None, entries=0, problem=problem())],
        entries=[entry("z/z", problem=problem()), entry("a/a", problem=problem())],
    )
    assert [view.about for view in found] == ["daemon", "ctx", "dev", "a/a", "z/z"]
