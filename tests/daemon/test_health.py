"""One cause is one problem."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from kfwd.daemon.health import about, standing
from kfwd.model import ProfileView
from tests.daemon.records import THEN, entry, problem


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
        entries=[entry("z/z", problem=problem("z")), entry("a/a", problem=problem("a"))],
    )
    assert [view.about for view in found] == ["daemon", "ctx", "dev", "a/a", "z/z"]


def test_what_many_say_of_a_namespace_is_one_problem_since_the_first_said_it() -> None:
    late = THEN + timedelta(hours=1)
    denied = problem("pods a is forbidden", code="portforward-forbidden", since=late)
    entries = [
        entry("p/a", problem=denied),
        entry("p/b", problem=replace(denied, text="pods b is forbidden", since=THEN)),
        entry("p/c", problem=denied, namespace="other"),
        entry("p/d", problem=denied, context="other"),
        entry("p/e", problem=problem("there is no svc/x", since=late)),
        entry("p/f", problem=problem("there is no svc/x", since=late)),
        entry("p/g", problem=problem("there is no svc/y", since=late)),
    ]
    found = standing(own=[], contexts=[], profiles=[], entries=entries)
    assert [(view.about, view.also, view.since) for view in found] == [
        ("p/a", ("p/b",), THEN),
        ("p/c", (), late),
        ("p/d", (), late),
        ("p/e", ("p/f",), late),
        ("p/g", (), late),
    ]
