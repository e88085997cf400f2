"""The daemon's log: JSON lines in a rotated file, and the newest of them in memory.

Secrets never get this far, and what looks like one is masked all the same. A message that repeats
what its logger last said about the same entry is held back for a minute.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Literal

import msgspec

from kfwd.api_model import LogLine
from kfwd.masking import mask
from kfwd.text import escaped

KEPT = 2000
FOLLOWER_QUEUE = 1000
FILE_BYTES = 2 * 1024 * 1024
FILES = 5
QUIET_S = 60.0


def _line_of(record: logging.LogRecord) -> LogLine:
    """The record as data; `extra` may name the `entry` and the `context` it is about."""
    error = logging.Formatter().formatException(record.exc_info) if record.exc_info else None
    return LogLine(
        time=datetime.fromtimestamp(record.created, UTC),
        level=_level(record.levelno),
        logger=record.name,
        text=mask(record.getMessage()),
        entry=getattr(record, "entry", None),
        context=getattr(record, "context", None),
        error=mask(error) if error else None,
    )


def _level(number: int) -> Literal["debug", "info", "warning", "error"]:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        return escaped(msgspec.json.encode(_line_of(record)).decode())


class Repeats(logging.Filter):
    """Holds back a message that says again what was last said about its entry."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, str | None], tuple[str, float]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        key = (record.name, getattr(record, "entry", None))
        message = record.getMessage()
        last, at = self._last.get(key, ("", 0.0))
        if message == last and record.created - at < QUIET_S:
            return record.levelno <= logging.DEBUG
        if len(self._last) >= KEPT:
            self._last.clear()
        self._last[key] = (message, record.created)
        return True


class Follower:
    """New lines for one reader; it is cut off when it falls too far behind."""

    def __init__(self, leave: Callable[[Follower], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._lines: deque[LogLine] = deque()
        self._ready = asyncio.Event()
        self._open = True
        self._leave = leave

    def push(self, line: LogLine) -> None:
        """Called from any thread."""
        self._loop.call_soon_threadsafe(self._take, line)

    def _take(self, line: LogLine) -> None:
        if len(self._lines) >= FOLLOWER_QUEUE:
            self.close()
        elif self._open:
            self._lines.append(line)
            self._ready.set()

    def close(self) -> None:
        self._open = False
        self._ready.set()
        self._leave(self)

    def __aiter__(self) -> Follower:
        return self

    async def __anext__(self) -> LogLine:
        while self._open:
            if self._lines:
                return self._lines.popleft()
            self._ready.clear()
            await self._ready.wait()
        raise StopAsyncIteration


class Ring(logging.Handler):
    """The newest lines, for `kfwd logs`."""

    def __init__(self, kept: int = KEPT) -> None:
        super().__init__()
        self._lines: deque[LogLine] = deque(maxlen=kept)
        self._followers: set[Follower] = set()
        self._guard = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        line = _line_of(record)
        with self._guard:
            self._lines.append(line)
            followers = tuple(self._followers)
        for follower in followers:
            follower.push(line)

    def tail(self, count: int, entry: str | None = None) -> list[LogLine]:
        """The last `count` lines, oldest first; only those about `entry` if it is given."""
        with self._guard:
            lines = [line for line in self._lines if entry is None or line.entry == entry]
        return lines[-count:] if count else []

    def follow(self) -> Follower:
        """Every line from now on."""
        follower = Follower(self._left)
        with self._guard:
            self._followers.add(follower)
        return follower

    def close(self) -> None:
        """End every follower."""
        for follower in tuple(self._followers):
            follower.close()
        super().close()

    def _left(self, follower: Follower) -> None:
        with self._guard:
            self._followers.discard(follower)


class RotatedFile(RotatingFileHandler):
    """The log file. One that cannot be written (a full disk) costs lines and nothing else."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            file, maxBytes=FILE_BYTES, backupCount=FILES - 1, encoding="utf-8", delay=True
        )
        self.setFormatter(JsonFormatter())

    def shouldRollover(self, record: logging.LogRecord) -> bool:
        """Whether the file is full. One that another daemon, which ends or begins, has moved away
        is left first: written on, it would be moved again, and the new one with it.
        """
        if self.stream is not None and _moved(self.stream.fileno(), self.baseFilename):
            self.stream.close()
            self.stream = None  # opened when it is needed
        return bool(super().shouldRollover(record))

    def handleError(self, record: logging.LogRecord) -> None:
        """Stay silent: stderr of a daemon is nobody's, and the ring has the line."""


def _moved(descriptor: int, path: str) -> bool:
    """Whether `path` leads no more to the open file."""
    try:
        return not os.path.samestat(os.fstat(descriptor), Path(path).stat())
    except FileNotFoundError:
        return True


class Logs(logging.Handler):
    """Everything the process logs, into the ring and the file, until `close()`."""

    def __init__(self, file: Path | None, *, debug: bool = False) -> None:
        super().__init__()
        self.ring = Ring()
        self._parts: list[logging.Handler] = [self.ring]
        if file is not None:
            self._parts.append(RotatedFile(file))
        self.addFilter(Repeats())
        self._ours = logging.getLogger("kfwd")
        self._level_before = self._ours.level
        self._ours.setLevel(logging.DEBUG if debug else logging.INFO)
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        for part in self._parts:
            part.handle(record)

    def close(self) -> None:
        logging.getLogger().removeHandler(self)
        self._ours.setLevel(self._level_before)
        for part in self._parts:
            part.close()
        super().close()
