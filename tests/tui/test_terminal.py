"""The terminal, lent and given back."""

from __future__ import annotations

import os
import signal

import pytest
from textual.app import App

from kfwd.errors import KfwdError, UsageError
from kfwd.tui import terminal
from kfwd.tui.app import KfwdApp


async def test_where_there_is_none_the_command_is_named() -> None:
    app = App[None]()
    async with app.run_test():
        with pytest.raises(UsageError) as raised:
            terminal.lend(app, lambda: 1, instead="kfwd login")
        assert raised.value.hint == "kfwd login"


def interrupted() -> int:
    os.kill(os.getpid(), signal.SIGINT)
    return 42


@pytest.mark.usefixtures("lent")
def test_an_interrupt_is_for_the_program_that_has_the_terminal() -> None:
    before = signal.getsignal(signal.SIGINT)
    assert terminal.lend(KfwdApp({}), interrupted, instead="") == 42
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.usefixtures("lent")
def test_what_goes_wrong_is_raised_when_the_screen_is_back() -> None:
    def fail() -> None:
        raise KfwdError("it cannot be")

    with pytest.raises(KfwdError, match="it cannot be"):
        terminal.lend(KfwdApp({}), fail, instead="")
