"""Words of a cluster, a plugin or a file never steer the terminal, whatever command shows them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from kfwd.api_contexts import ContextItem, ContextList
from kfwd.api_doctor import Diagnosis, Finding, HopWalked
from kfwd.api_model import RouteList, RouteView
from kfwd.cli import main as cli
from kfwd.errors import KfwdError
from kfwd.model import ContextState, EndpointView, Problem, ProblemView, SnapshotEvent, State
from tests.cli.conftest import Run
from tests.standin import StandIn, entry, snapshot

EVIL = "a\x1b]0;owned\x07\x1b[2J\x9b31m\r\x7f\u202eb\u2028c"
STEERS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]")

PROBLEM = Problem(code="no-endpoints", severity="error", text=EVIL, hint=EVIL)
WEB = entry(
    "dev/web",
    context=EVIL,
    namespace=EVIL,
    target=EVIL,
    state=State.FAILED,
    problem=PROBLEM,
    endpoints=(EndpointView(pod=EVIL, address=None, ready=True, open=0),),
)
ROUTE = RouteView(kind="ingress", address=EVIL, layer=7, state="works", latency_ms=1.0, note=EVIL)
CONTEXT = ContextItem(
    name=EVIL,
    server=EVIL,
    state=ContextState.OK,
    current=True,
    in_use=True,
    entries=1,
    kubeconfig=(EVIL,),
)
STEP = HopWalked(about=EVIL, hop="tls", state="broken", text=EVIL, code="tls-failed", hint=EVIL)
FOUND = Finding(
    about=EVIL, hop="tls", severity="error", code="tls-failed", text=EVIL, hint=EVIL, also=(EVIL,)
)
PLAN = {"profiles": [], "items": [{"id": "a/web", "action": "change", "text": EVIL}]}
LINE = {"time": "2026-01-01T12:00:00Z", "level": "info", "logger": "kfwd", "text": EVIL}
ITEM = {"at": "2026-01-01T12:00:00Z", "about": EVIL, "code": "state", "text": EVIL}


def told(problem: Problem) -> ProblemView:
    return ProblemView(about=EVIL, **structs.asdict(problem))


@pytest.fixture
def hostile(daemon: StandIn) -> StandIn:
    shown = snapshot(WEB, problems=(told(PROBLEM),))
    daemon.on("GET /v1/snapshot", shown)
    daemon.on_lines("GET /v1/events", SnapshotEvent(seq=41, snapshot=shown))
    daemon.on("GET /v1/routes", RouteList(target=EVIL, routes=(ROUTE,)))
    daemon.on("GET /v1/contexts", ContextList(contexts=(CONTEXT,)))
    daemon.on("GET /v1/plan", PLAN)
    daemon.on("GET /v1/history", {"history": [ITEM]})
    daemon.on_lines("GET /v1/logs", LINE | {"error": EVIL, "entry": EVIL})
    daemon.on_lines("GET /v1/doctor", STEP, Diagnosis(well=False, exit_code=1, findings=(FOUND,)))
    daemon.fail("POST /v1/up", 500, code="failed", text=EVIL, hint=EVIL, exit_code=1)
    return daemon


@pytest.mark.parametrize(
    "command",
    [
        *("ls", "ls -o wide", "ls -o json", "status", "status -o json", "routes svc/web"),
        *("routes svc/web -o json", "open svc/web --print", "context list", "plan", "plan -o json"),
        *("logs", "logs -o json", "events --since 1h", "events --since 1h -o json", "up"),
        *("wait web --timeout 0.1", "doctor", "doctor -o json"),
    ],
)
def test_no_command_passes_on_what_steers_a_terminal(
    run: Run, hostile: StandIn, command: str
) -> None:
    result = run(*command.split())
    said = result.out + result.err
    assert "owned" in said
    assert STEERS.findall(said) == []


def test_json_still_says_what_was_said(run: Run, hostile: StandIn) -> None:
    found: Any = json.loads(run("ls", "-o", "json").out)
    assert found["entries"][0]["target"] == EVIL


def test_no_error_does(capsys: pytest.CaptureFixture[str]) -> None:
    cli.report(KfwdError(EVIL, hint=EVIL))
    assert STEERS.findall(capsys.readouterr().err) == []


def test_no_fault_of_somebodys_profile_does(run: Run, home: Path) -> None:
    profile = home / "config" / "profiles" / "dev.yaml"
    profile.write_text('"\\e[2J\\x9b1m": 1\nforwards: [{name: "\\e]0;owned\\a"}]\n')
    result = run("profile", "validate", str(profile))
    said = result.out + result.err
    assert "owned" in said
    assert STEERS.findall(said) == []
