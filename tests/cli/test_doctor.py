"""The hops as a person and as a program sees them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kfwd.api_doctor import Diagnosis
from kfwd.cli.doctor import line, told
from kfwd.errors import ExitCode
from tests.cli.conftest import Run
from tests.doctor_records import FINDING, hop
from tests.standin import StandIn, entry, snapshot

STEPS = (
    hop("kind", "tcp", "running"),
    hop("kind", "tcp", "ok", "it accepts", latency_ms=0.4),
    hop("dev/web", "port", "running"),
    hop("dev/web", "port", "broken", "nothing listens", code="port-refused", hint="start it"),
)
BROKEN = Diagnosis(well=False, exit_code=1, findings=(FINDING,))
WELL = Diagnosis(well=True, exit_code=0)


def test_hops_stand_below_what_they_lead_to_and_the_diagnosis_at_the_end(
    run: Run, daemon: StandIn
) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry("dev/web")))
    daemon.on_lines("GET /v1/doctor", *STEPS, BROKEN)
    result = run("doctor", "web")
    assert result.code == ExitCode.FAILED
    assert result.lines == [
        "kind",
        "  ok       tcp         it accepts (0.4 ms)",
        "dev/web",
        "  broken   port        nothing listens",
        "",
        "error: dev/web, port: nothing listens (port-refused)",
        "  hint: start it",
        "  also: dev/a, dev/b",
    ]


def test_json_has_what_was_walked_and_what_was_found(run: Run, daemon: StandIn) -> None:
    daemon.on_lines("GET /v1/doctor", *STEPS, BROKEN)
    result = run("doctor", "-o", "json")
    found = json.loads(result.out)
    assert (result.code, list(found)) == (1, ["well", "hops", "findings"])
    assert [(step["hop"], step["state"]) for step in found["hops"]] == [
        ("tcp", "ok"),
        ("port", "broken"),
    ]
    assert found["findings"][0]["also"] == ["dev/a", "dev/b"]


def test_all_well_is_exit_0_and_the_callers_path_is_told(
    run: Run, daemon: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/mine")
    daemon.on_lines("GET /v1/doctor", WELL)
    result = run("doctor", "--context", "kind")
    assert (result.code, result.out) == (0, "\nall is well\n")
    asked = "/v1/doctor?context=kind&path=%2Fmine&kubeconfig=%2Fhome%2Fme%2Fkubeconfig"
    assert daemon.requests[-1].target == asked


def test_an_entry_is_asked_for_by_its_id(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry("-/web")))
    daemon.on_lines("GET /v1/doctor", WELL)
    assert run("doctor", "-/web").code == 0
    assert "entry=-%2Fweb" in daemon.requests[-1].target
    none = run("doctor", "none")
    assert (none.code, none.err.splitlines()[0]) == (4, 'kfwd: no entry "none"')


def test_a_daemon_that_hangs_up_has_made_no_diagnosis(run: Run, daemon: StandIn) -> None:
    daemon.on_lines("GET /v1/doctor", *STEPS)
    result = run("doctor")
    assert result.code == ExitCode.NO_DAEMON
    assert "no diagnosis" in result.err


def test_without_a_daemon_the_way_is_walked_all_the_same(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(home / "none"))
    result = run("doctor")
    assert result.code == ExitCode.NO_DAEMON
    assert result.lines[:2] == [
        "current context",
        f"  broken   kubeconfig  there is no kubeconfig at {home / 'none'}",
    ]
    assert "error: current context, kubeconfig:" in result.out
    assert result.err.splitlines()[-1] == "hint: kfwd daemon start"


def test_colours_are_for_terminals() -> None:
    assert "\x1b[31mbroken\x1b[0m   port" in line(STEPS[3], colour=True)
    assert "\x1b[31merror\x1b[0m: dev/web" in told(BROKEN, colour=True)
