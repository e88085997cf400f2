"""Waiting until entries are ready."""

from __future__ import annotations

from kfwd.errors import ExitCode
from kfwd.model import EntryChanged, EntryRemoved, Problem, SnapshotEvent, State
from tests.cli.conftest import Run
from tests.standin import StandIn, entry, snapshot

STARTING = snapshot(entry("dev/web", state=State.STARTING), entry("dev/db"))
FIRST = SnapshotEvent(seq=41, snapshot=STARTING)


def test_it_returns_as_soon_as_all_are_ready(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", STARTING)
    ready = EntryChanged(seq=42, entry=entry("dev/web"))
    daemon.on_lines("GET /v1/events", FIRST, ready)
    assert run("wait", "web", "db").code == ExitCode.OK


def test_it_connects_again_when_it_is_cut_off(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", STARTING)
    daemon.on_lines("GET /v1/events", FIRST)
    ready = SnapshotEvent(seq=1, snapshot=snapshot(entry("dev/web"), instance="another"))
    daemon.on_lines("GET /v1/events", ready)
    assert run("wait", "web").code == ExitCode.OK


def test_a_time_that_runs_out_is_exit_status_6_and_says_what_is_late(
    run: Run, daemon: StandIn
) -> None:
    daemon.on("GET /v1/snapshot", STARTING)
    daemon.on_lines("GET /v1/events", FIRST)
    result = run("wait", "web", "db", "--timeout", "50ms")
    assert result.code == ExitCode.NOT_READY
    assert result.err == "kfwd: dev/web is starting after 0.05 s\nhint: kfwd status\n"


def test_of_one_that_is_paused_it_says_how_it_comes_back(run: Run, daemon: StandIn) -> None:
    paused = snapshot(entry("dev/web", state=State.PAUSED))
    daemon.on("GET /v1/snapshot", paused)
    daemon.on_lines("GET /v1/events", SnapshotEvent(seq=41, snapshot=paused))
    result = run("wait", "web", "--timeout", "50ms")
    assert result.err == "kfwd: dev/web is paused after 0.05 s\nhint: kfwd resume dev/web\n"


def test_what_needs_a_person_is_not_waited_for(run: Run, daemon: StandIn) -> None:
    problem = Problem(code="no-such-port", severity="error", text="there is none")
    failed = EntryChanged(seq=42, entry=entry("dev/web", state=State.FAILED, problem=problem))
    daemon.on("GET /v1/snapshot", STARTING)
    daemon.on_lines("GET /v1/events", FIRST, failed)
    result = run("wait", "web", "--timeout", "60")
    assert result.code == ExitCode.NOT_READY
    assert result.err == "kfwd: dev/web is failed: there is none\nhint: kfwd status\n"


def test_what_a_rule_forbids_is_exit_status_7(run: Run, daemon: StandIn) -> None:
    problem = Problem(code="portforward-forbidden", severity="error", text="no", hint="grant it")
    failed = EntryChanged(seq=42, entry=entry("dev/db", state=State.FAILED, problem=problem))
    daemon.on("GET /v1/snapshot", STARTING)
    daemon.on_lines("GET /v1/events", FIRST, failed)
    result = run("wait", "web", "db", "--timeout", "60")
    assert result.code == ExitCode.NOT_ALLOWED
    assert result.err == "kfwd: dev/db is failed: no\nhint: grant it\n"


def test_an_entry_that_is_removed_meanwhile_is_not_found(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", STARTING)
    daemon.on_lines("GET /v1/events", FIRST, EntryRemoved(seq=42, id="dev/web"))
    result = run("wait", "web")
    assert (result.code, result.err) == (4, 'kfwd: entry "dev/web" was removed\n')
