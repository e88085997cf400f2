"""Pick what an entry's address is copied as."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from kfwd.client.copies import Copy
from kfwd.tui.dialog import Dialog
from kfwd.tui.pieces import Piece, cut, hints
from kfwd.tui.sheet import wrapped
from kfwd.tui.widgets.line import Line, fixed
from kfwd.tui.widgets.line_table import Item, LineTable

FRAME, SIDES, WIDTH = 7, 6, 100
"""Lines around the list, cells beside it, and how wide it is at most with them."""


class CopyAs(Dialog[str | None]):
    """Ends with the text that was picked, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "pick", "copy", id="copy-this"),
        Binding("escape,q,Y", "dismiss(None)", "leave", id="leave-copies"),
    ]
    help_text = "What the entry is called by others: each line can be pasted as it stands."

    def __init__(self, name: str, copies: tuple[Copy, ...]) -> None:
        super().__init__()
        self._title = name
        self._copies = copies

    @property
    def table(self) -> LineTable:
        return self.query_one("#copies", LineTable)

    def compose(self) -> ComposeResult:
        with Vertical(id="copy-as"):
            yield Line(fixed((Piece(f" copy {self._title} as", "title"),)), classes="one")
            yield LineTable(id="copies")
            key = self.kfwd.key
            copy, leave = key("copy-this", "enter"), key("leave-copies", "esc")
            keys = hints((copy, "copies"), (leave, "leaves"), ("?", "help"))
            yield Line(fixed((Piece(" "), *keys)), classes="keys")

    def on_mount(self) -> None:
        self.on_resize()
        self.table.focus()

    def on_resize(self) -> None:
        items = list(self._items(min(WIDTH, self.app.size.width * 96 // 100) - SIDES))
        self.query_one("#copy-as").styles.height = len(items) + FRAME
        self.table.show(items)

    def _items(self, cells: int) -> Iterator[Item]:
        """Each text whole, over as many lines as it takes."""
        wide = max(len(copy.what) for copy in self._copies)
        for at, copy in enumerate(self._copies):
            first = f" {copy.what:<{wide}}  "
            for row in wrapped("", first, copy.text, "plain", cells):
                pickable = row.key == ":0"
                yield Item(str(at), partial(cut, row.pieces), pickable)

    @on(LineTable.Chosen)
    def action_pick(self) -> None:
        self.dismiss(self._copies[int(self.table.key or 0)].text)
