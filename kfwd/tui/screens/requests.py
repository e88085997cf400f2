"""The HTTP requests that an entry has served, as they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget

from kfwd.api_model import RequestView
from kfwd.client import feeds
from kfwd.errors import KfwdError
from kfwd.tasks import TaskSet
from kfwd.text import clean
from kfwd.tui import request_lines
from kfwd.tui.entry_page import OneEntryPage
from kfwd.tui.following import Following
from kfwd.tui.pieces import Piece, Pieces, cut, spread
from kfwd.tui.widgets.find import FIND, Find
from kfwd.tui.widgets.line import Line
from kfwd.tui.widgets.line_table import Item, LineTable, remark
from kfwd.tui.widgets.lines import Lines

KEPT = 1000


class Requests(OneEntryPage):
    """Newest first. The cursor follows the newest while it is on it, else it stays where it is."""

    help_text = (
        "The requests of a proxy or gateway, newest first. On the first line the cursor follows"
        " what comes. Each word of the filter must be somewhere: a method, 404, 5xx, a path, a pod."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "copy as curl", tooltip="Copy the request as curl", id="copy"),
        FIND,
    ]

    def __init__(self, entry: str | None) -> None:
        super().__init__(entry)
        self.found: deque[tuple[str, RequestView]] = deque(maxlen=KEPT)
        self.trouble: KfwdError | None = None
        self.find = ""
        self._newest = ""
        self._number = 0
        self._tasks = TaskSet("requests")

    def body(self) -> Iterable[Widget]:
        yield Line(request_lines.heading, id="heading")
        yield LineTable(id="requests")
        yield Lines(id="request")
        yield Find("method, status, path, host, pod")

    def on_mount(self) -> None:
        self._feed = Following(self.kfwd.client, self._tasks, self._took, self._failed)
        self._feed.follow(feeds.requests(self.entry_id, follow=True))
        self.table.focus()

    async def on_unmount(self) -> None:
        await self._tasks.close()

    @property
    def request(self) -> RequestView | None:
        """The one at the cursor."""
        key = self.table.key
        return next((each for name, each in self.found if name == key), None)

    def _took(self, requests: list[RequestView], begins: bool) -> None:
        if begins:
            self.found.clear()
        for request in requests:
            self._number += 1
            self.found.append((str(self._number), request))
        self.trouble = None
        self.kfwd.changed()

    def _failed(self, error: KfwdError) -> None:
        if error.code == feeds.NOT_KEPT:
            self._feed.stop()
        self.trouble = error
        self.kfwd.changed()

    def redraw(self) -> None:
        super().redraw()
        items = list(self._items())
        newest = self.table.key == self._newest
        self._newest = items[0].key if items else ""
        self.table.show(items)
        if newest:
            self.table.pick(self._newest)
        self._show_request()

    def _items(self) -> Iterator[Item]:
        kind = self.entry.kind if self.entry else ""
        shown = [each for each in self.found if request_lines.matches(each[1], self.find)]
        for key, request in reversed(shown):
            yield Item(key, partial(cut, request_lines.request(request, kind)))
        if not self.found:
            yield from self._nothing()
        elif not shown:
            yield remark(f"no request with {self.find.strip()}")

    def _nothing(self) -> Iterator[Item]:
        if self.trouble is None:
            yield remark("no requests yet")
        elif self.trouble.code == feeds.NOT_KEPT:
            yield remark(self.trouble.text, "warn")
            yield remark(self.trouble.hint or "")

    @on(LineTable.Moved)
    def _show_request(self) -> None:
        lines = self.query_one("#request", Lines)
        request = self.request
        lines.display = request is not None
        if request is not None and self.entry is not None:
            cells = self.table.size.width
            rows = request_lines.details(request, self.entry, self.kfwd.clock(), cells)
            lines.show([row.pieces for row in rows])

    def _status(self, cells: int) -> Pieces:
        name = clean(self.entry.name if self.entry else self.entry_id)
        shown = sum(request_lines.matches(each, self.find) for _, each in self.found)
        count = f"{shown} of {len(self.found)}" if self.find else str(len(self.found))
        return spread(
            (Piece(f" {name}", "title"), Piece("   requests ")), (Piece(f"{count} ", "dim"),), cells
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "copy":
            return self.is_mounted and self.request is not None
        return super().check_action(action, parameters)

    def action_copy(self) -> None:
        if self.request is None or self.entry is None:
            return
        if (text := request_lines.curl(self.request, self.entry)) is not None:
            self._copy(text)

    def action_find(self) -> None:
        self.query_one(Find).open()

    def action_back(self) -> None:
        """First out of the filter, then out of here."""
        find = self.query_one(Find)
        if not find.display:
            super().action_back()
            return
        find.close()
        self.table.focus()

    @on(Find.Asked)
    def _asked(self, event: Find.Asked) -> None:
        self.find = event.text
        self.renew()

    @on(Find.Left)
    def _left(self) -> None:
        self.table.focus()
