"""A login to a context, in the user's terminal."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from textual.binding import Binding

from kfwd.api_model import LoginResult
from kfwd.client import login
from kfwd.errors import KfwdError
from kfwd.model import ContextState
from kfwd.text import clean
from kfwd.tui import terminal

if TYPE_CHECKING:
    from kfwd.tui.app import KfwdApp
    from kfwd.tui.picture import Picture

LOG_IN = Binding("L", "log_in", "log in", tooltip="Log in, in this terminal", id="log-in")


def needed(picture: Picture, context: str) -> bool:
    """Whether a context waits for a login."""
    found = picture.context(context)
    return found is not None and found.state is ContextState.LOGIN_NEEDED


def log_in(app: KfwdApp, context: str) -> None:
    """Run the login plugin of `context` in the terminal, and say what came of it."""
    try:
        instead = f"kfwd login {context}"
        result = terminal.lend(app, partial(_in_terminal, app, context), instead=instead)
    except KfwdError as error:
        app.calls.show(error)
    else:
        if result is not None:
            app.say(login.told(result))


def _in_terminal(app: KfwdApp, context: str) -> LoginResult | None:
    """What went wrong stays in sight until it was read, beside what the plugin said."""
    _write(f"kfwd: logging in to {clean(context)}\n")
    try:
        result = login.log_in(app.client, context, app.kubeconfigs(), app.env)
    except KfwdError as error:
        hint = f"hint: {clean(error.hint)}\n" if error.hint else ""
        _pause(f"kfwd: {clean(error.text)}\n{hint}")
        raise
    if result is None:
        _pause("")
    return result


def _pause(said: str) -> None:
    _write(f"{said}kfwd: this did not log you in - enter goes back ")
    sys.stdin.readline()


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
