"""`kfwd login` against a stand-in daemon, with real plugins."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kfwd.api_model import LoginResult, LoginTarget
from kfwd.cli.main import main
from kfwd.errors import ExitCode
from kfwd.model import ContextState, utcnow
from tests.cli.conftest import Run
from tests.kube.configs import document, exec_credential, exec_user, script, write
from tests.standin import StandIn


def offered(daemon: StandIn, folder: Path, user: dict[str, Any]) -> None:
    file = write(folder / "own" / "config", document(user))
    daemon.on("GET /v1/login", LoginTarget(context="dev", kubeconfig=(str(file),)))


def taken(daemon: StandIn, state: ContextState = ContextState.OK) -> None:
    expires = utcnow() + timedelta(hours=1, seconds=30)
    daemon.on("POST /v1/login", LoginResult(context="dev", state=state, login_expires=expires))


def test_what_the_plugin_prints_is_handed_over_and_never_shown(
    daemon: StandIn, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said = exec_credential(token="s3cret")
    offered(daemon, tmp_path, exec_user(script(tmp_path / "p", f"echo hello >&2; echo '{said}'")))
    taken(daemon)
    done = main(["login", "dev"])
    shown = capfd.readouterr()
    assert (done, shown.out) == (0, "logged in to dev, expires in 1h0m\n")
    assert shown.err == "hello\n"
    asked, given = daemon.requests
    assert asked.target == "/v1/login?context=dev&kubeconfig=%2Fhome%2Fme%2Fkubeconfig"
    assert json.loads(given.json["credential"])["status"] == {"token": "s3cret"}


def test_json_has_the_documented_shape_and_the_state_is_told(
    run: Run, daemon: StandIn, tmp_path: Path
) -> None:
    user = exec_user(script(tmp_path / "p", f"echo '{exec_credential(token='t')}'"))
    offered(daemon, tmp_path, user)
    taken(daemon, ContextState.UNREACHABLE)
    assert "; the context is unreachable" in run("login").out
    assert json.loads(run("login", "-o", "json").out)["state"] == "unreachable"


def test_a_plugin_that_fails_is_not_allowed(run: Run, daemon: StandIn, tmp_path: Path) -> None:
    offered(daemon, tmp_path, exec_user(script(tmp_path / "p", "exit 3")))
    done = run("login")
    assert done.code == ExitCode.NOT_ALLOWED
    assert done.err == "kfwd: the login plugin of dev failed (exit status 3)\n"
    assert len(daemon.requests) == 1


def test_a_plugin_that_is_missing_has_said_so_itself(
    daemon: StandIn, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    offered(daemon, tmp_path, exec_user("no-such-plugin"))
    assert main(["login"]) == ExitCode.NOT_ALLOWED
    assert capfd.readouterr().err.startswith("kfwd: the login plugin no-such-plugin of user")


def test_a_plugin_that_never_stops_talking_is_ended(
    run: Run, daemon: StandIn, tmp_path: Path
) -> None:
    offered(daemon, tmp_path, exec_user(script(tmp_path / "p", "exec yes")))
    assert run("login").code == ExitCode.NOT_ALLOWED


def test_refusals_of_the_daemon_keep_their_exit_status(run: Run, daemon: StandIn) -> None:
    detail = {"code": "unknown-context", "text": 'there is no context "x"', "exit_code": 4}
    daemon.fail("GET /v1/login", 404, **detail)
    assert run("login", "x").code == ExitCode.NOT_FOUND


def test_without_a_daemon_there_is_nobody_to_log_in(run: Run) -> None:
    assert run("login").code == ExitCode.NO_DAEMON
