"""Profiles as a whole."""

from __future__ import annotations

import json

from kfwd.errors import ExitCode
from kfwd.model import Problem, SnapshotEvent, State
from tests.cli.conftest import Run
from tests.standin import StandIn, entry, snapshot

PLAN = {
    "profiles": ["dev"],
    "items": [
        {"id": "dev/old", "action": "stop", "text": "no longer in the profile"},
        {"id": "dev/web", "action": "start", "text": "svc/web 8080:http"},
    ],
}


def test_up_sends_the_callers_kubeconfig_and_shows_the_plan(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot())
    daemon.on("POST /v1/up", PLAN)
    result = run("up", "dev")
    assert daemon.requests[-1].json == {"kubeconfig": ["/home/me/kubeconfig"], "profiles": ["dev"]}
    assert result.lines == [
        "    ACTION   ENTRY",
        "-   stop     dev/old   no longer in the profile",
        "+   start    dev/web   svc/web 8080:http",
    ]


def test_up_waits_only_for_what_is_up_afterwards(run: Run, daemon: StandIn) -> None:
    ready = snapshot(entry("dev/web"))
    daemon.on("GET /v1/snapshot", ready)
    daemon.on("POST /v1/up", PLAN)
    daemon.on_lines("GET /v1/events", SnapshotEvent(seq=41, snapshot=ready))
    assert run("up", "dev", "--wait", "5").code == ExitCode.OK


def test_up_that_is_not_ready_in_time_is_exit_status_6(run: Run, daemon: StandIn) -> None:
    problem = Problem(code="x", severity="error", text="svc/web has no pods", hint="make some")
    late = snapshot(entry("dev/web", state=State.WAITING, problem=problem))
    daemon.on("GET /v1/snapshot", late)
    daemon.on("POST /v1/up", PLAN)
    daemon.on_lines("GET /v1/events", SnapshotEvent(seq=41, snapshot=late))
    result = run("up", "--wait", "50ms")
    assert result.code == ExitCode.NOT_READY
    assert result.err == (
        "kfwd: dev/web is waiting after 0.05 s: svc/web has no pods\nhint: make some\n"
    )


def test_faults_in_a_profile_are_shown_each_and_are_exit_status_5(
    run: Run, daemon: StandIn
) -> None:
    daemon.on("GET /v1/snapshot", snapshot())
    text = "/p/dev.yaml:1:1: a\n/p/dev.yaml:2:1: b"
    daemon.fail("POST /v1/up", 422, code="profile-invalid", text=text, exit_code=5)
    result = run("up")
    assert result.code == ExitCode.PROFILE_INVALID
    assert result.err == f"{text}\nkfwd: 2 faults, nothing was changed\n"


def test_plan_asks_and_changes_nothing(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/plan", PLAN)
    assert json.loads(run("plan", "dev", "-o", "json").out) == PLAN
    (asked,) = daemon.requests
    assert asked.target == "/v1/plan?profile=dev&kubeconfig=%2Fhome%2Fme%2Fkubeconfig"


def test_down_needs_names_or_all_but_not_both(run: Run, daemon: StandIn) -> None:
    daemon.on("POST /v1/down", {"items": []})
    assert run("down").code == ExitCode.USAGE
    assert run("down", "dev", "--all").code == ExitCode.USAGE
    assert run("down", "--all").out == "nothing to do\n"
    assert daemon.requests[-1].json == {"profiles": [], "all": True}
