"""One entry in detail: what it needs, what happened to it, what goes through it now."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from kfwd.api_doctor import Fact, Hops
from kfwd.api_history import History, HistoryItem
from kfwd.api_model import ConnectionList, ConnectionView, LogLine, RequestView
from kfwd.client import feeds
from kfwd.errors import KfwdError
from kfwd.model import EntryView
from kfwd.tasks import TaskSet
from kfwd.tui import detail_lines, login, sheet, timeline
from kfwd.tui.asked import Asked
from kfwd.tui.detail_lines import Known
from kfwd.tui.entry_page import ENTRY_BINDINGS, OneEntryPage
from kfwd.tui.following import Following
from kfwd.tui.link import Standing
from kfwd.tui.pieces import Piece, Pieces, spread
from kfwd.tui.places import PLACES, named
from kfwd.tui.widgets.line_table import LineTable

KEPT = 200
HAPPENED = 2000
"""Things that happened to one that flaps, as far back as is looked at."""

AGAIN_S = 30
"""When the history is asked for although nothing is known to have happened."""

DOCTOR = "doctor"


class Detail(OneEntryPage):
    """What was last known stays while the daemon is away, and after the entry was removed."""

    help_text = (
        "Everything about one entry: what it needs, from this machine to the process in the pod,"
        " what happened to it, and what goes through it now. The line with the cursor is copied."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *(place.binding for place in PLACES if place.of_entry and place.name != "detail"),
        *ENTRY_BINDINGS,
    ]

    def __init__(self, entry: str | None) -> None:
        super().__init__(entry)
        self.facts: tuple[Fact, ...] = ()
        self.history: tuple[HistoryItem, ...] = ()
        self.connections: tuple[ConnectionView, ...] = ()
        self.requests: deque[RequestView] | None = deque(maxlen=KEPT)
        self.log_lines: deque[LogLine] = deque(maxlen=KEPT)
        self._copies: dict[str, str] = {}
        self._tasks = TaskSet("detail")

    def body(self) -> Iterable[Widget]:
        yield LineTable(id="detail")

    def on_mount(self) -> None:
        calls, client = self.kfwd.calls, self.kfwd.client
        self._hops = Asked[Hops](calls, self._came)
        self._open = Asked[ConnectionList](calls, self._came)
        self._happened = Asked[History](calls, self._came)
        log = Following[LogLine](client, self._tasks, self._took_log, lambda error: None)
        log.follow(feeds.logs(entry=self.entry_id, last=KEPT, follow=True))
        self._served = Following(client, self._tasks, self._took_requests, self._no_requests)
        self._served.follow(feeds.requests(self.entry_id, follow=True))
        self.table.focus()

    async def on_unmount(self) -> None:
        await self._tasks.close()

    def redraw(self) -> None:
        super().redraw()
        if self.subject is not None and self.kfwd.link.standing is Standing.LIVE:
            self._ask(self.subject)
        if self.entry is None:
            return
        found = list(detail_lines.sections(self._known(self.entry), self.table.size.width))
        self._copies = {row.key: row.copies for section in found for row in section.rows}
        self.table.show(list(sheet.items(found)), first="local:0")

    def _ask(self, entry: EntryView) -> None:
        """What is open and how things stand, once a second; what happened, when something did."""
        client, second = self.kfwd.client, int(time.monotonic())
        self._hops.ask(second, partial(client.hops, entry.id))
        self._open.ask(second, partial(client.connections, entry.id))
        code = entry.problem.code if entry.problem else None
        places = tuple(endpoint.label for endpoint in entry.endpoints)
        changed = (second // AGAIN_S, entry.state, code, entry.reconnects, places)
        self._happened.ask(changed, partial(self._fetch_history, self.kfwd.clock()))

    def _fetch_history(self, now: datetime) -> History:
        """In a thread: the newest, and all of the last hour."""
        newest = self.kfwd.client.history(self.entry_id)
        begin = now - timeline.SPAN
        if not newest.history or newest.history[0].at <= begin:
            return newest
        hour = self.kfwd.client.history(self.entry_id, begin)
        return max(newest, hour, key=lambda found: len(found.history))

    def _came(self) -> None:
        if self._hops.answer is not None:
            self.facts = self._hops.answer.facts
        if self._open.answer is not None:
            self.connections = self._open.answer.connections
        if self._happened.answer is not None:
            self.history = self._happened.answer.history[-HAPPENED:]
        if self.alive:
            self.redraw()

    def _took_log(self, lines: list[LogLine], begins: bool) -> None:
        if begins:
            self.log_lines.clear()
        self.log_lines.extend(lines)
        self.kfwd.changed()

    def _took_requests(self, requests: list[RequestView], begins: bool) -> None:
        if begins or self.requests is None:
            self.requests = deque(maxlen=KEPT)
        self.requests.extend(requests)
        self.kfwd.changed()

    def _no_requests(self, error: KfwdError) -> None:
        if error.code == feeds.NOT_KEPT:
            self.requests = None
            self._served.stop()

    def _known(self, entry: EntryView) -> Known:
        return Known(
            entry=entry,
            now=self.kfwd.clock(),
            context=self.picture.context(entry.context),
            rates=self.picture.rate(entry.id),
            facts=self.facts,
            history=self.history,
            connections=self.connections,
            requests=None if self.requests is None else tuple(self.requests),
            log=tuple(self.log_lines),
            keys=tuple(self._helps(entry)),
            requests_key=self.kfwd.key("requests", "h"),
        )

    def _helps(self, entry: EntryView) -> Iterator[tuple[str, str]]:
        """The keys that help with a problem."""
        if login.needed(self.picture, entry.context):
            yield self.kfwd.key("log-in", "L"), "log in"
        doctor = named(DOCTOR)
        yield self.kfwd.key(DOCTOR, doctor.key), doctor.description

    def _status(self, cells: int) -> Pieces:
        if self.entry is None:
            return (Piece(f" {self.entry_id}", "title"),)
        left, right = detail_lines.title(self._known(self.entry))
        if self.picture.known and self.subject is None:
            left = (*left[:1], Piece("   removed", "warn"))
        return spread(left, right, cells)

    def action_copy(self) -> None:
        """What the line with the cursor offers, else the address."""
        if text := self._copies.get(self.table.key or ""):
            self._copy(text)
        else:
            super().action_copy()
