"""What happened to entries, contexts and sessions, and how long entries served; kept for 30 days.

Noting never waits: what was noted is written in batches, in a thread. A disk that does not take it
is a problem and nothing else: what is newest is kept in memory and written when it can be.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from kfwd.api_history import Availability, AvailabilityList, HistoryItem, Window
from kfwd.backoff import Backoff
from kfwd.daemon.health import DAEMON, about
from kfwd.daemon.history_file import DAYS, HOUR_S, Batch, Cut, HistoryFile, Spent, damaged
from kfwd.daemon.uptime import Uptime
from kfwd.model import ContextState, ContextView, EntryView, Problem, ProblemView, utcnow
from kfwd.tunnel.podref import SessionCut

log = logging.getLogger(__name__)
T = TypeVar("T")

NEWEST, NEWEST_OF_ALL = 100, 1000
"""What is shown of one thing, and of everything, unless it is asked since when."""

MOST = 10_000
"""What is shown at once, and what is kept in memory while it cannot be written."""

TICK_S = 60.0
GATHER_S = 1.0
WINDOWS_H = (24, DAYS * 24)
NOT_KEPT, SET_ASIDE = "history", "history file"


HANGS_S = 2.0
"""How long a write may hold up an end."""

SPENT_MOST = 100_000
NOTHING = Spent()


def of_context(name: str) -> str:
    """What a context is called in the history; no entry id has a space."""
    return f"context {name}"


class History:
    """`report` is told what is wrong with the file, by a key for each thing, and when it ended."""

    def __init__(self, path: Path, report: Callable[[str, ProblemView | None], None]) -> None:
        self._file = HistoryFile(path)
        self._report = report
        self._pending = Batch()
        self._uptime = Uptime()
        self._entries: dict[str, EntryView] = {}
        self._contexts: dict[str, ContextState] = {}
        self._failing = False
        self._noted = asyncio.Event()
        self._alone = asyncio.Lock()
        self._backoff = Backoff(first=GATHER_S, cap=TICK_S)

    def begin_anew(self) -> None:
        """No other process goes on: what it did not say the end of ended when it last wrote."""
        self._pending.anew = True

    def note(self, view: EntryView) -> None:
        """Each change of state, problem or endpoints that a view shows."""
        self._add(_happened(self._entries.get(view.id), view))
        self._entries[view.id] = view
        self._uptime.enter(view.id, view.state, time.monotonic(), time.time())

    def forget(self, entry: str) -> None:
        """The entry is gone; what happened to it is kept."""
        self._entries.pop(entry, None)
        self._uptime.leave(entry, time.monotonic(), time.time())

    def note_contexts(
        self, contexts: Sequence[ContextView], problems: Sequence[ProblemView]
    ) -> None:
        """Each change of a context's state."""
        texts = {problem.about: problem.text for problem in problems}
        for context in contexts:
            old = self._contexts.get(context.name, ContextState.UNKNOWN)
            self._contexts[context.name] = context.state
            if context.state is not old:
                text = texts.get(context.name, context.state.value)
                self._add([_item(of_context(context.name), context.state.value, text)])

    def note_cut(self, context: str, cut: SessionCut) -> None:
        """A session of a context ended against our will."""
        pod = f"{cut.pod.namespace}/{cut.pod.name}"
        self._pending.cuts.append(
            Cut(
                at=utcnow(),
                context=context,
                pod=pod,
                age_s=round(cut.age_s, 1),
                idle_s=round(cut.idle_s, 1),
                reason=cut.reason,
            )
        )
        del self._pending.cuts[:-MOST]
        lived = f"the session to {pod} ended after {cut.age_s:.1f} s, {cut.idle_s:.1f} s silent"
        self._add([_item(of_context(context), "cut", f"{lived}: {cut.reason}")])

    async def of(self, thing: str | None, since: datetime | None = None) -> tuple[HistoryItem, ...]:
        """What is kept about an entry id or `of_context` (None: all), oldest first."""
        limit = MOST if since else NEWEST if thing else NEWEST_OF_ALL
        nothing: tuple[HistoryItem, ...] = ()
        kept = await self._read(lambda: self._file.events(thing, since, limit), nothing)
        fresh = (
            item
            for item in self._pending.events
            if thing in (None, item.about) and (since is None or item.at >= since)
        )
        return (*kept, *fresh)[-limit:]

    async def cuts(self, context: str) -> tuple[Cut, ...]:
        """The sessions of a context that ended against our will, oldest first."""
        nothing: tuple[Cut, ...] = ()
        kept = await self._read(lambda: self._file.cuts(context), nothing)
        return (*kept, *(cut for cut in self._pending.cuts if cut.context == context))

    async def availability(self, entries: Iterable[str]) -> AvailabilityList:
        """How much of the time that is known each entry served, over a day and over all."""
        starts = [time.time() - hours * HOUR_S for hours in WINDOWS_H]
        nothing: list[dict[str, Spent]] = [{} for _ in starts]
        spent = await self._read(lambda: [self._file.spent(start) for start in starts], nothing)
        return AvailabilityList(
            availability=tuple(
                Availability(
                    id=entry,
                    windows=tuple(
                        _window(hours, found.get(entry, Spent()))
                        for hours, found in zip(WINDOWS_H, spent, strict=True)
                    ),
                )
                for entry in entries
            )
        )

    async def run(self) -> None:
        """Write what is noted, and the time spent; ends only by cancellation."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._noted.wait()
            now = asyncio.get_running_loop().time
            async with self._alone:
                written = await self._flush()
            if written:
                self._backoff.succeeded(now())
                await asyncio.sleep(GATHER_S)
            else:
                await asyncio.sleep(max(GATHER_S, self._backoff.failed(now())))

    async def close(self) -> None:
        """Write what is left, on a disk that answers."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HANGS_S):
                async with self._alone:
                    await self._flush()
                await asyncio.to_thread(self._file.close)

    def _add(self, items: Iterable[HistoryItem]) -> None:
        self._pending.events.extend(items)
        del self._pending.events[:-MOST]
        if self._pending:
            self._noted.set()

    async def _read(self, read: Callable[[], T], nothing: T) -> T:
        """What the file says, with all that is pending no more; `nothing` if it cannot be read."""
        async with self._alone:
            await self._flush()
            try:
                return await asyncio.to_thread(read)
            except (sqlite3.Error, OSError) as error:
                log.warning("the history cannot be read: %s", error)
                return nothing

    async def _flush(self) -> bool:
        """Write what is pending. False if that failed; then it is pending still."""
        self._noted.clear()
        batch, self._pending = self._pending, Batch()
        _add_spent(batch.spent, self._uptime.take(time.monotonic(), time.time()))
        try:
            anew = await asyncio.to_thread(self._write, batch)
        except (sqlite3.Error, OSError) as error:
            self._pending = _joined(batch, self._pending)
            self._noted.set()
            self._tell(_not_kept(self._file.path, error))
            return False
        self._tell(None)
        if anew is not None:
            log.error("%s", anew.text)
            self._report(SET_ASIDE, about(DAEMON, anew))
        return True

    def _tell(self, problem: Problem | None) -> None:
        if problem is not None and not self._failing:
            log.error("%s", problem.text)
        self._failing = problem is not None
        self._report(NOT_KEPT, about(DAEMON, problem) if problem else None)

    def _write(self, batch: Batch) -> Problem | None:
        """In a thread: write, if need be into a new file; then say so."""
        if not batch:
            return None
        try:
            self._file.write(batch)
        except sqlite3.Error as error:
            if not damaged(error):
                raise
            aside = self._file.set_aside()
            self._file.write(batch)
            return _set_aside(self._file.path, aside, error)
        return None


def _happened(old: EntryView | None, new: EntryView) -> Iterator[HistoryItem]:
    if old is None or old.state != new.state:
        yield _item(new.id, new.state.value, new.problem.text if new.problem else new.state.value)
    elif _code(old.problem) != _code(new.problem) and new.problem is not None:
        yield _item(new.id, new.problem.code, new.problem.text)
    before = {endpoint.label for endpoint in old.endpoints} if old else set()
    after = {endpoint.label for endpoint in new.endpoints}
    for pod in sorted(after - before):
        yield _item(new.id, "endpoint-added", f"{pod} can be used")
    for pod in sorted(before - after):
        yield _item(new.id, "endpoint-removed", f"{pod} is used no more")
    if old is not None and new.reconnects > old.reconnects:
        yield _item(new.id, "reconnect", "the session was lost and opened again")


def _code(problem: Problem | None) -> str | None:
    return problem.code if problem else None


def _item(thing: str, code: str, text: str) -> HistoryItem:
    return HistoryItem(at=utcnow(), about=thing, code=code, text=text)


def _add_spent(to: dict[tuple[str, int], Spent], more: dict[tuple[str, int], Spent]) -> None:
    for key, spent in more.items():
        old = to.get(key, NOTHING)
        if key in to or len(to) < SPENT_MOST:
            to[key] = Spent(old.up_s + spent.up_s, old.down_s + spent.down_s)


def _joined(first: Batch, then: Batch) -> Batch:
    """Both in one, within the bounds; the oldest is left out."""
    _add_spent(first.spent, then.spent)
    return Batch(
        events=(first.events + then.events)[-MOST:],
        cuts=(first.cuts + then.cuts)[-MOST:],
        spent=first.spent,
        anew=first.anew,
    )


def _window(hours: int, spent: Spent) -> Window:
    counted = spent.up_s + spent.down_s
    share = round(spent.up_s / counted, 6) if counted else None
    return Window(hours=hours, share=share, counted_s=round(counted, 1))


def _not_kept(path: Path, error: Exception) -> Problem:
    reason = error.strerror if isinstance(error, OSError) else error
    return Problem(
        code="history-not-kept",
        severity="warning",
        text=f"what happens cannot be written to {path}: {reason}",
        hint="everything keeps running; once the file can be written it is kept again",
    )


def _set_aside(path: Path, aside: Path, error: Exception) -> Problem:
    return Problem(
        code="history-damaged",
        severity="warning",
        text=f"the history {path} was damaged ({error}); it is kept as {aside}, a new one began",
        hint="nothing else is affected; remove the old file when you do not need it",
    )
