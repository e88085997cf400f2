"""The terminal, lent and given back."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios

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


BORROWER = """
import fcntl, subprocess, termios
from textual.app import App
from kfwd.tui import terminal
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
ask = ["sh", "-c", "trap 'echo INTERRUPTED' INT; stty -a | tr ';' '\\n' | grep -o ' icanon'; "
       "echo MINE; until read word; do :; done; echo GOT $word"]

class Lender(App):
    def on_mount(self):
        self.call_after_refresh(self.lend)
    def lend(self):
        terminal.lend(self, lambda: subprocess.run(ask), instead="")
        self.call_after_refresh(self.exit)

Lender().run()
"""
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


BUSY = """
import os
from kfwd.tui import app

mounted = app.KfwdApp.on_mount

def busy(self):
    mounted(self)
    self.set_interval(0.01, self.bell)

app.KfwdApp.on_mount = busy
app.run(os.environ)
"""


def _in_a_terminal(code: str) -> tuple[subprocess.Popen[bytes], int]:
    """Python in a terminal of its own, which is not its controlling one; our end of that."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-c", code]
    env = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True
    )
    os.close(theirs)
    return process, ours


def test_it_ends_with_a_terminal_that_goes_while_it_writes() -> None:
    process, ours = _in_a_terminal(BUSY)
    try:
        _until(ours, b"\x07")
        os.close(ours)
        assert process.wait(10) == 128 + signal.SIGHUP
    finally:
        process.kill()
        process.wait()


def test_a_real_terminal_is_lent_as_it_was_and_taken_back() -> None:
    process, ours = _in_a_terminal(BORROWER)
    try:
        said = _until(ours, b"MINE")
        os.write(ours, b"\x03")
        said += _until(ours, b"INTERRUPTED")
        os.write(ours, b"word\n")
        said += _until(ours, b"GOT word")
        said += _until(ours, LEAVE)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    parts = (ENTER, LEAVE, b" icanon", b"MINE", b"INTERRUPTED", b"GOT word", ENTER, LEAVE)
    at = 0
    for part in parts:
        at = said.index(part, at) + len(part)


def _until(terminal: int, end: bytes) -> bytes:
    """What is written to the terminal, up to `end`."""
    said = b""
    while end not in said:
        said += os.read(terminal, 65536)
    return said
