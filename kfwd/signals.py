"""Signals that end a command, in its own time."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def terminable(*, interrupt: bool = False) -> Iterator[None]:
    """Let SIGTERM unwind the stack, so that no process and no file is left.

    With `interrupt` SIGINT does too, even where a shell started the command in the background with
    SIGINT ignored, as it does with kubectl.
    """

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        sys.exit(128 + number)

    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, end)}
    if interrupt:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
