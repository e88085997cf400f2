"""Pick what an entry's address is copied as."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from kfwd.tui.copies import Copy
from kfwd.tui.pieces import Piece, cut
from kfwd.tui.widgets.line import Line, fixed
from kfwd.tui.widgets.line_table import Item, LineTable

FRAME = 4
"""Lines around the list: border, padding, title."""


class CopyAs(ModalScreen[str | None]):
    """Ends with the text that was picked, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "pick", "copy", id="copy-this"),
        Binding("escape,q,Y", "dismiss(None)", "leave", id="leave-copies"),
    ]

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

    def on_mount(self) -> None:
        self.query_one("#copy-as").styles.height = len(self._copies) + FRAME + 1
        wide = max(len(copy.what) for copy in self._copies)
        lines = [
            (Piece(f" {copy.what:<{wide}}  ", "dim"), Piece(copy.text)) for copy in self._copies
        ]
        items = [Item(str(at), partial(cut, pieces)) for at, pieces in enumerate(lines)]
        self.table.show(items)
        self.table.focus()

    @on(LineTable.Chosen)
    def action_pick(self) -> None:
        self.dismiss(self._copies[int(self.table.key or 0)].text)
