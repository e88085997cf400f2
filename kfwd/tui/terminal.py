"""The user's terminal: lent to a program (an editor, a login), and gone."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from textual.app import App, SuspendNotSupported

from kfwd.errors import UsageError

T = TypeVar("T")

WRITER = "textual-output"
"""Textual's thread that writes to the terminal."""


def lend(app: App[Any], work: Callable[[], T], *, instead: str) -> T:
    """Do `work` with the terminal as it was before the app, which waits: nothing else may write.

    What it raises is raised here, when the screen is back. Raises `UsageError` where there is no
    terminal to lend; `instead` is the command that does the same.
    """
    result: list[T] = []
    failed: list[Exception] = []
    try:
        with app.suspend(), _interrupts_ignored():
            try:
                result.append(work())
            except Exception as error:  # the screen must come back first
                failed.append(error)
    except SuspendNotSupported:
        raise UsageError("there is no terminal to lend", hint=instead) from None
    if failed:
        raise failed[0]
    return result[0]


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ctrl-C in the terminal is for the program that has it. A handler, unlike SIG_IGN, is not
    inherited by it.
    """
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def end_with_it() -> None:
    """End the process at once when the terminal can no longer be written to.

    Textual's event loop waits for what it writes to be taken, for ever if the writer has failed: no
    signal would reach it, and the thread that reads the terminal would read its end without end.
    """
    threading.excepthook = _failed


def _failed(failure: threading.ExceptHookArgs) -> None:
    thread = failure.thread
    if thread is not None and thread.name == WRITER and isinstance(failure.exc_value, OSError):
        os._exit(128 + signal.SIGHUP)
    threading.__excepthook__(failure)
