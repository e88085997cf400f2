"""Starting, stopping and asking after the daemon."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kfwd.api_handover import HANDOVER_PROTOCOL, HANDOVER_UNSUPPORTED
from kfwd.api_model import UNKNOWN_CALL
from kfwd.cli import daemon as command
from kfwd.errors import ExitCode
from tests.cli.conftest import Run
from tests.standin import StandIn, snapshot


def test_a_running_daemon_is_not_started_twice(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot())
    assert run("daemon", "start").out == "already running, pid 1\n"


def test_status_is_a_line_or_json_or_exit_status_3(
    run: Run, daemon: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.on("GET /v1/snapshot", snapshot())
    assert run("daemon", "status").out.startswith("daemon ")
    assert json.loads(run("daemon", "status", "-o", "json").out)["pid"] == 1
    monkeypatch.setenv("KFWD_RUNTIME_DIR", "/nowhere")
    assert run("daemon", "status").code == ExitCode.NO_DAEMON


def test_stop_returns_when_the_process_has_ended(run: Run, daemon: StandIn) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    )
    assert process.stdin is not None

    def stop(request: object, connection: object) -> None:
        del request
        process.stdin.close()  # type: ignore[union-attr]  # it is a pipe
        connection.sendall(daemon.reply(b'{"pid": %d}' % process.pid))  # type: ignore[attr-defined]

    daemon.on_raw("POST /v1/stop", stop)
    assert run("daemon", "stop").out == f"stopped, pid was {process.pid}\n"
    assert process.wait() == 0


def test_a_daemon_that_does_not_end_is_named(
    run: Run, daemon: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "STOP_WITHIN_S", 0.05)
    daemon.on("POST /v1/stop", {"pid": os.getpid()})
    result = run("daemon", "stop")
    assert result.code == ExitCode.FAILED
    assert result.err.startswith(
        f"kfwd: the daemon (pid {os.getpid()}) is still there after 0.05 s"
    )


def test_restart_has_the_daemon_start_its_successor(
    run: Run, daemon: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    daemon.on("GET /v1/snapshot", snapshot())
    daemon.on("POST /v1/handover", {"pid": 2})
    assert run("daemon", "restart").out == "running, pid 1\n"
    asked = next(each for each in daemon.requests if each.method == "POST").json
    assert asked["protocol"] == HANDOVER_PROTOCOL
    assert asked["command"] == [sys.executable, "-m", "kfwd", "daemon", "run"]
    assert asked["environment"]["HTTPS_PROXY"] == "http://127.0.0.1:9"


def test_a_successor_that_fails_is_an_error_and_nothing_is_stopped(
    run: Run, daemon: StandIn
) -> None:
    daemon.on("GET /v1/snapshot", snapshot())
    daemon.fail("POST /v1/handover", 500, code="handover-failed", text="it goes on", exit_code=1)
    result = run("daemon", "restart")
    assert (result.code, result.err) == (ExitCode.FAILED, "kfwd: it goes on\n")


@pytest.mark.parametrize("code", [HANDOVER_UNSUPPORTED, UNKNOWN_CALL])
def test_a_daemon_that_hands_over_in_another_way_is_stopped_and_that_is_said(
    run: Run, daemon: StandIn, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(command, "stop_daemon", lambda app: stopped.append(app) or 1)
    stopped: list[object] = []
    daemon.on("GET /v1/snapshot", snapshot())
    daemon.fail("POST /v1/handover", 400, code=code, text="another protocol", exit_code=1)
    result = run("daemon", "restart")
    assert len(stopped) == 1
    assert "it is stopped and started, and refuses connections in between" in result.err


def test_a_daemon_that_dies_at_once_says_why(run: Run, home: Path) -> None:
    (home / "runtime").write_text("in the way")
    result = run("daemon", "start")
    assert result.code == ExitCode.FAILED
    assert result.err.startswith("kfwd: the daemon did not start: ")
    assert result.err.endswith("hint: set KFWD_RUNTIME_DIR to a folder of your own\n")


def test_stopping_what_does_not_run_gives_no_advice_to_start_it(run: Run, home: Path) -> None:
    result = run("daemon", "stop")
    assert result.code == ExitCode.NO_DAEMON
    assert result.err == f"kfwd: no daemon answers on {home}/runtime/kfwd.sock\n"
