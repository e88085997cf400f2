"""What happened, and what happens."""

from __future__ import annotations

import json

from kfwd.cli.events import changes
from kfwd.model import (
    AnyEvent,
    ContextsChanged,
    ContextState,
    ContextView,
    CountersMoved,
    EndpointView,
    EntryChanged,
    EntryRemoved,
    Problem,
    ProblemsChanged,
    ProblemView,
    SnapshotEvent,
    State,
)
from tests.cli.conftest import Run
from tests.standin import StandIn, entry, snapshot

BEFORE = snapshot(entry("dev/web"))
PROBLEM = Problem(code="no-endpoints", severity="error", text="no pods")


def history(*items: tuple[str, str, str]) -> dict[str, object]:
    return {
        "history": [
            {"at": at, "about": about, "code": "state", "text": text} for at, about, text in items
        ]
    }


EARLY, LATE = "2026-01-01T12:00:00Z", "2026-01-01T12:00:05Z"


def test_what_happened_to_all_and_to_one(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry("dev/a"), entry("dev/b")))
    daemon.on("GET /v1/history", history((EARLY, "context dev", "gone"), (LATE, "dev/a", "ready")))
    daemon.on("GET /v1/entries/dev/a/history", history((LATE, "dev/a", "ready")))
    found = [json.loads(text) for text in run("events", "-o", "json").lines]
    assert found == [
        {"id": "context dev", "at": EARLY, "code": "state", "text": "gone"},
        {"id": "dev/a", "at": LATE, "code": "state", "text": "ready"},
    ]
    (line,) = run("events", "a").lines
    assert line.startswith("2026-01-01 ")
    assert line.endswith(" dev/a: ready (state)")
    daemon.on("GET /v1/entries/dev/b/history", history((LATE, "dev/b", "state")))
    assert run("events", "b").out.endswith(" dev/b: state\n")


def test_since_is_asked_of_the_daemon(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/history", history())
    done = run("events", "--since", "2026-11-28T10:00Z", "-o", "json")
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("kfwd: nothing happened since ")
    assert daemon.requests[-1].target == "/v1/history?since=2026-11-28T10%3A00%3A00%2B00%3A00"


def test_following_prints_changes_of_the_entry_asked_for(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", BEFORE)
    waiting = entry("dev/web", state=State.WAITING, problem=PROBLEM)
    daemon.on_lines(
        "GET /v1/events",
        SnapshotEvent(seq=41, snapshot=BEFORE),
        EntryChanged(seq=42, entry=entry("dev/other")),
        EntryChanged(seq=43, entry=waiting),
    )
    daemon.on("GET /v1/events", {"error": {"code": "x", "text": "end"}}, 500)
    result = run("events", "web", "--follow")
    (line,) = result.lines
    assert line.endswith(" dev/web: waiting: no pods (no-endpoints)")
    assert result.err == "kfwd: end\n"


def test_only_what_a_person_would_see_is_a_change() -> None:
    same: list[AnyEvent] = [
        EntryChanged(seq=42, entry=entry("dev/web", reconnects=5)),
        CountersMoved(seq=42, entries=()),
        ContextsChanged(seq=42, contexts=()),
    ]
    assert [changes(BEFORE, event) for event in same] == [[], [], []]


def test_changes_in_words() -> None:
    pods = (EndpointView(pod="web-1", address=None, ready=True, open=0),)
    context = ContextView(
        name="kind",
        server="",
        state=ContextState.UNREACHABLE,
        latency_ms=None,
        transport=None,
        login_expires=None,
    )
    problem = ProblemView(about="daemon", code="state-not-saved", severity="error", text="full")
    behind = ProblemView(about="dev/web", code="x", severity="error", text="y")
    said = [
        *changes(BEFORE, EntryChanged(seq=42, entry=entry("dev/web", endpoints=pods))),
        *changes(BEFORE, EntryRemoved(seq=42, id="dev/web")),
        *changes(BEFORE, ContextsChanged(seq=42, contexts=(context,))),
        *changes(BEFORE, ProblemsChanged(seq=42, problems=(problem, behind))),
        *changes(None, EntryRemoved(seq=42, id="dev/web")),
    ]
    assert said == [
        "dev/web: ready on web-1",
        "dev/web: removed",
        "context kind: unreachable",
        "daemon: full (state-not-saved)",
    ]
