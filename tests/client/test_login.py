"""A login in a terminal, for every client; `kfwd login` shows it against real plugins."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from kfwd.api_model import LoginResult, LoginTarget
from kfwd.client import login
from kfwd.errors import LoginNeeded
from kfwd.kube import plugin_terminal
from kfwd.model import ContextState, utcnow
from tests.kube.configs import document, exec_user, script, write


def target(folder: Path, body: str) -> LoginTarget:
    file = write(folder / "config", document(exec_user(script(folder / "plugin", body))))
    return LoginTarget(context="dev", kubeconfig=(str(file),))


def test_what_the_plugin_prints_is_the_credential(tmp_path: Path) -> None:
    assert login.printed(target(tmp_path, "echo s3cret"), {}) == "s3cret\n"


def test_a_plugin_that_fails_is_a_login_that_is_needed(tmp_path: Path) -> None:
    with pytest.raises(LoginNeeded, match="exit status 3"):
        login.printed(target(tmp_path, "exit 3"), {})


def test_one_that_cannot_be_started_has_said_so(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "config", document(exec_user("no-such-plugin")))
    assert login.printed(LoginTarget(context="dev", kubeconfig=(str(file),)), {}) is None
    assert "no-such-plugin" in capfd.readouterr().err


def test_the_exit_status_of_the_terminal_program_is_known() -> None:
    assert login.NOT_STARTED == plugin_terminal.NOT_STARTED


def test_what_came_of_it_is_told() -> None:
    expires = utcnow() + timedelta(hours=1, seconds=30)
    done = LoginResult(context="dev", state=ContextState.OK, login_expires=expires)
    assert login.told(done) == "logged in to dev, expires in 1h0m"
    unsure = LoginResult(context="dev", state=ContextState.UNREACHABLE, login_expires=None)
    assert login.told(unsure) == "logged in to dev; the context is unreachable"
