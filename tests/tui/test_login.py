"""A login in the user's terminal."""

from __future__ import annotations

import io

import pytest

from kfwd.api_model import LoginResult
from kfwd.client import login as logins
from kfwd.errors import LoginNeeded
from kfwd.model import ContextState
from kfwd.tui import login
from kfwd.tui.app import KfwdApp
from tests.tui.screen_text import screen
from tests.until import until

DONE = LoginResult(context="dev", state=ContextState.OK, login_expires=None)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch, lent: None) -> io.StringIO:
    """What the user types."""
    typed = io.StringIO("\n\n")
    monkeypatch.setattr("sys.stdin", typed)
    return typed


@pytest.mark.parametrize("error", [None, LoginNeeded("the login plugin of dev failed")])
async def test_what_went_wrong_stays_in_the_terminal_until_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
    keys: io.StringIO,
    capfd: pytest.CaptureFixture[str],
    error: LoginNeeded | None,
) -> None:
    def fail(*arguments: object) -> None:
        if error is not None:
            raise error

    monkeypatch.setattr(logins, "log_in", fail)
    app = KfwdApp({})
    async with app.run_test(notifications=True):
        login.log_in(app, "dev")
        assert keys.tell() == 1
        said = capfd.readouterr().err
        assert "this did not log you in - enter goes back" in said
        if error is not None:
            assert "kfwd: the login plugin of dev failed\n" in said
            await until(lambda: "the login plugin of dev failed" in screen(app))


async def test_what_came_of_it_is_said(monkeypatch: pytest.MonkeyPatch, keys: io.StringIO) -> None:
    monkeypatch.setattr(logins, "log_in", lambda *arguments: DONE)
    app = KfwdApp({})
    async with app.run_test(notifications=True):
        login.log_in(app, "dev")
        await until(lambda: "logged in to dev" in screen(app))
        assert keys.tell() == 0


async def test_without_a_terminal_the_command_is_named() -> None:
    app = KfwdApp({})
    async with app.run_test(notifications=True):
        login.log_in(app, "dev")
        await until(lambda: "kfwd login dev" in screen(app))
