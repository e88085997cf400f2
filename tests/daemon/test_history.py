"""What happened to an entry, in order and bounded."""

from __future__ import annotations

from kfwd.daemon.history import KEPT, History
from kfwd.model import EndpointView, EntryView, State
from tests.daemon.records import entry, problem


def codes(history: History) -> list[str]:
    return [item.code for item in history.of("dev/web")]


def pods(*names: str) -> tuple[EndpointView, ...]:
    return tuple(EndpointView(pod=name, address=None, ready=True, open=0) for name in names)


def test_a_new_state_a_new_problem_and_other_pods_are_noted() -> None:
    history = History()
    views: list[EntryView] = [
        entry(endpoints=(), state=State.STARTING),
        entry(endpoints=pods("a")),
        entry(endpoints=pods("b"), reconnects=1),
        entry(endpoints=pods("b"), reconnects=1, problem=problem("it is polled", code="polled")),
        entry(endpoints=(), state=State.WAITING, problem=problem("no pods"), reconnects=1),
    ]
    for view in views:
        history.note(view)
    assert codes(history) == [
        "starting",
        "ready",
        "endpoint-added",
        "endpoint-added",
        "endpoint-removed",
        "reconnect",
        "polled",
        "waiting",
        "endpoint-removed",
    ]
    assert history.of("dev/web")[-2].text == "no pods"


def test_what_stays_the_same_is_not_noted() -> None:
    history = History()
    history.note(entry())
    before = history.of("dev/web")
    history.note(entry())
    assert history.of("dev/web") == before


def test_only_the_newest_is_kept_and_nothing_of_what_is_gone() -> None:
    history = History()
    for number in range(KEPT):
        history.note(entry(endpoints=pods(f"pod-{number}")))
    assert len(history.of("dev/web")) == KEPT
    assert history.of("dev/web")[-1].text == f"pod-{KEPT - 2} is used no more"
    history.forget("dev/web")
    assert history.of("dev/web") == ()
