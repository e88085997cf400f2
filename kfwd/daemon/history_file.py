"""The history on disk: an SQLite file of what happened, which sessions were cut, and time spent up.

Every method blocks and belongs into a thread; calls from several threads follow one another. What
is older than 30 days goes, and so do the oldest rows beyond the bounds.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from kfwd.api_history import UNKNOWN, HistoryItem
from kfwd.model import State

DAYS = 30
HOUR_S = 3600
ROWS = {"events": 100_000, "cuts": 20_000, "spent": 400_000}
"""Most rows of each table: 30 MiB at most, and a month of 500 entries."""

PAGES = 16_384
"""Of 4 KiB: the file never grows beyond 64 MiB."""

TEXT_MAX = 500
BUSY_S = 5.0
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, about TEXT NOT NULL,
  code TEXT NOT NULL, text TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS events_about ON events (about, id);
CREATE TABLE IF NOT EXISTS cuts (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, context TEXT NOT NULL, pod TEXT NOT NULL,
  age_s REAL NOT NULL, idle_s REAL NOT NULL, reason TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS cuts_context ON cuts (context, id);
CREATE TABLE IF NOT EXISTS spent (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, entry TEXT NOT NULL,
  up_s REAL NOT NULL, down_s REAL NOT NULL, UNIQUE (entry, at));
CREATE TABLE IF NOT EXISTS written (id INTEGER PRIMARY KEY CHECK (id = 1), at INTEGER NOT NULL);
"""
LIVE = (State.STARTING, State.WAITING, State.READY, State.DEGRADED, State.FAILED)
LEFT_ALIVE = """
SELECT written.at, about FROM written, (
  SELECT about, code, max(id) FROM events WHERE code IN (SELECT value FROM json_each(?))
  GROUP BY about)
WHERE code IN (SELECT value FROM json_each(?)) ORDER BY about
"""
"""Whose last state, among the first codes, is one of the second."""

ADD_SPENT = """
INSERT INTO spent (at, entry, up_s, down_s) VALUES (?, ?, ?, ?)
ON CONFLICT (entry, at) DO UPDATE SET
  up_s = up_s + excluded.up_s, down_s = down_s + excluded.down_s
"""


class Cut(Struct, frozen=True, kw_only=True):
    """A session that ended against our will. `pod` is NAMESPACE/NAME.

    `age_s`: how long it was up. `idle_s`: how long nothing had arrived on it, answers to our
    questions included. Fixed values of either tell of a limit on the way.
    """

    at: datetime
    context: str
    pod: str
    age_s: float
    idle_s: float
    reason: str


class Spent(Struct):
    """Seconds in which an entry served, and in which it did not but should have."""

    up_s: float = 0.0
    down_s: float = 0.0


class Batch(Struct):
    """What is to be written. `spent` is by entry and the hour's first second since the epoch.

    `anew`: the process before may have ended without a word.
    """

    events: list[HistoryItem] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)
    spent: dict[tuple[str, int], Spent] = field(default_factory=dict)
    anew: bool = False

    def __bool__(self) -> bool:
        return self.anew or bool(self.events or self.cuts or self.spent)


def damaged(error: Exception) -> bool:
    """Whether the file is no database any more."""
    return getattr(error, "sqlite_errorcode", None) in DAMAGED


class HistoryFile:
    """Opened by the first use. Methods raise `sqlite3.Error` or `OSError`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._pruned_at = 0.0

    def write(self, batch: Batch, now: float | None = None) -> None:
        """Write all of it or nothing; `now` are seconds since the epoch."""
        now = time.time() if now is None else now
        with self._lock, self._opened() as connection:
            before = _left_alive(connection) if batch.anew else []
            connection.executemany(
                "INSERT INTO events (at, about, code, text) VALUES (?, ?, ?, ?)",
                [
                    (_seconds(e.at), e.about, e.code, e.text[:TEXT_MAX])
                    for e in (*before, *batch.events)
                ],
            )
            connection.executemany(
                "INSERT INTO cuts (at, context, pod, age_s, idle_s, reason)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (_seconds(c.at), c.context, c.pod, c.age_s, c.idle_s, c.reason[:TEXT_MAX])
                    for c in batch.cuts
                ],
            )
            spent = [(hour, entry, s.up_s, s.down_s) for (entry, hour), s in batch.spent.items()]
            connection.executemany(ADD_SPENT, spent)
            connection.execute("REPLACE INTO written VALUES (1, ?)", (int(now),))
            if now - self._pruned_at >= HOUR_S:
                _prune(connection, now)
                self._pruned_at = now

    def events(
        self, about: str | None, since: datetime | None, limit: int
    ) -> tuple[HistoryItem, ...]:
        """The newest `limit` of what happened (to `about`, after `since`), oldest first."""
        rows = self._rows(
            "SELECT at, about, code, text FROM events"
            " WHERE (? IS NULL OR about = ?) AND at >= ? ORDER BY id DESC LIMIT ?",
            (about, about, _seconds(since) if since else 0, limit),
        )
        return tuple(
            HistoryItem(at=_moment(at), about=name, code=code, text=text)
            for at, name, code, text in reversed(rows)
        )

    def cuts(self, context: str) -> tuple[Cut, ...]:
        """All that are kept of a context's sessions, oldest first."""
        rows = self._rows(
            "SELECT at, pod, age_s, idle_s, reason FROM cuts WHERE context = ? ORDER BY id",
            (context,),
        )
        return tuple(
            Cut(at=_moment(at), context=context, pod=pod, age_s=age, idle_s=idle, reason=reason)
            for at, pod, age, idle, reason in rows
        )

    def spent(self, since: float) -> dict[str, Spent]:
        """What each entry spent from the hour of `since` (seconds since the epoch) on."""
        rows = self._rows(
            "SELECT entry, sum(up_s), sum(down_s) FROM spent WHERE at >= ? GROUP BY entry",
            (since // HOUR_S * HOUR_S,),
        )
        return {entry: Spent(up, down) for entry, up, down in rows}

    def set_aside(self) -> Path:
        """Move a damaged file out of the way; returns where it is kept."""
        with self._lock:
            self._drop()
            number = 1
            while (aside := self.path.with_name(f"{self.path.name}.corrupt-{number}")).exists():
                number += 1
            self.path.rename(aside)
            for end in ("-wal", "-shm"):
                with suppress(FileNotFoundError):
                    self.path.with_name(self.path.name + end).unlink()
            return aside

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _rows(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with self._lock, self._opened() as connection:
            return connection.execute(query, values).fetchall()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.touch(mode=0o600)
            connection = sqlite3.connect(self.path, timeout=BUSY_S, check_same_thread=False)
            try:
                _set_up(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _set_up(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA max_page_count = {PAGES}").close()
    connection.execute("PRAGMA journal_mode = WAL").close()
    connection.execute("PRAGMA synchronous = NORMAL").close()
    connection.executescript(SCHEMA).close()


def _left_alive(connection: sqlite3.Connection) -> list[HistoryItem]:
    """The end of what is known of each entry that no process said a last word about: time after the
    last write was not counted either."""
    states = json.dumps([*State, UNKNOWN]), json.dumps(LIVE)
    rows = connection.execute(LEFT_ALIVE, states).fetchall()
    text = "kfwd ended without a word"
    return [HistoryItem(at=_moment(at), about=about, code=UNKNOWN, text=text) for at, about in rows]


def _prune(connection: sqlite3.Connection, now: float) -> None:
    for table, most in ROWS.items():
        connection.execute(f"DELETE FROM {table} WHERE at < ?", (now - DAYS * 86400,))  # noqa: S608  # a name of ours
        connection.execute(
            f"DELETE FROM {table} WHERE id <= (SELECT max(id) FROM {table}) - ?",  # noqa: S608  # a name of ours
            (most,),
        )


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
