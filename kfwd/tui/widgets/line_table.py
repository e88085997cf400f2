"""A list of lines with a cursor, drawn line by line: only lines that are seen cost anything.

Textual's DataTable costs a quarter of a core for 500 rows at four changes a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kfwd.tui.pieces import Piece, Pieces, Tone, shorten
from kfwd.tui.widgets.line import Draw
from kfwd.tui.widgets.toned import Toned

PAGE = 10_000


class Item(Struct, frozen=True):
    """One line. Lines with the same `key` belong together; the cursor stops at the first of them
    if it is `pickable`.
    """

    key: str
    draw: Draw
    pickable: bool = True


def remark(text: str, tone: Tone = "dim") -> Item:
    """A line that is no choice."""

    def draw(cells: int) -> Pieces:
        return (Piece(shorten(f"   {text}", cells), tone),)

    return Item("", draw, pickable=False)


class LineTable(Toned, ScrollView, can_focus=True):
    """The cursor stays on its key when lines come, go or move, and at its place on the screen.

    It shows while the table has the focus, or always where the keys come from elsewhere (`led`).
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="up"),
        Binding("down,j", "move(1)", "Down", show=False, id="down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="page-up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="page-down"),
        Binding("home", f"move(-{PAGE})", "First", show=False, id="first"),
        Binding("end", f"move({PAGE})", "Last", show=False, id="last"),
    ]

    class Moved(Message):
        """The cursor is on another key."""

        def __init__(self, key: str | None) -> None:
            super().__init__()
            self.key = key

    class Chosen(Message):
        """A line was clicked again while the cursor was on it."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(
        self, *, id: str | None = None, classes: str | None = None, led: bool = False
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.can_focus = not led
        self._led = led
        self._items: Sequence[Item] = ()
        self._cursor = 0
        self._drawn: dict[int, tuple[Pieces, bool, Strip]] = {}
        self._looks: dict[int, tuple[Pieces, bool]] = {}  # of lines that are to be drawn

    @property
    def key(self) -> str | None:
        """What the cursor is on."""
        return self._items[self._cursor].key if self._cursor < len(self._items) else None

    def show(self, items: Sequence[Item], first: str | None = None) -> None:
        """Replace all lines; those that look as before are not drawn again.

        The cursor begins on the key `first`.
        """
        before, at, had = self.key, self._cursor, len(self._items)
        self._items = items
        self._cursor = self._place(before or first, at)
        if len(items) != had:
            self.virtual_size = Size(0, len(items))
        if self._cursor != at and before:
            moved = self.scroll_offset.y + self._cursor - at
            self.scroll_to(y=moved, animate=False, immediate=True, force=True)
        self._redraw()
        if self.key != before:
            self.post_message(self.Moved(self.key))

    def pick(self, key: str) -> None:
        """Put the cursor on a key, if there is such a line."""
        self._go(self._place(key, self._cursor))

    def action_move(self, by: int) -> None:
        picks = [index for index, item in enumerate(self._items) if item.pickable]
        if not picks:
            return
        here = picks.index(self._cursor) if self._cursor in picks else 0
        self._go(picks[min(max(here + by, 0), len(picks) - 1)])

    def action_page(self, direction: int) -> None:
        self.action_move(direction * max(1, self.size.height - 2))

    def _place(self, key: str | None, near: int) -> int:
        """The pickable line of `key`, else the one nearest to `near`."""
        for index, item in enumerate(self._items):
            if item.key == key and item.pickable:
                return index
        picks = (index for index, item in enumerate(self._items) if item.pickable)
        return min(picks, key=lambda index: abs(index - near), default=0)

    def _go(self, index: int) -> None:
        before = self.key
        self._cursor = index
        top, height = self.scroll_offset.y, self.size.height
        end = self._end(index)
        if index < top or index == 1:
            self.scroll_to(y=0 if index <= 1 else index, animate=False, immediate=True, force=True)
        elif end >= top + height:
            self.scroll_to(y=end - height + 1, animate=False, immediate=True, force=True)
        self._redraw()
        if self.key != before:
            self.post_message(self.Moved(self.key))

    def _end(self, index: int) -> int:
        """The last line that belongs to the one at `index`."""
        end, key = index, self._items[index].key if index < len(self._items) else None
        while end + 1 < len(self._items) and self._items[end + 1].key == key:
            end += 1
        return end

    def _redraw(self) -> None:
        """Refresh the visible lines that differ from what is on the screen."""
        self._looks.clear()
        (cells, height), top = self.size, self.scroll_offset.y
        for index in range(top, min(top + height, max(len(self._items), self._seen()))):
            known, look = self._drawn.get(index), self._look(index, cells)
            if known is None or known[:2] != look:
                self._looks[index] = look
                self.refresh_line(index)

    def _seen(self) -> int:
        return max(self._drawn, default=-1) + 1

    def _look(self, index: int, cells: int) -> tuple[Pieces, bool]:
        if index >= len(self._items):
            return (), False
        return self._items[index].draw(cells), index == self._cursor and (
            self.has_focus or self._led
        )

    def render_line(self, y: int) -> Strip:
        cells, index = self.size.width, self.scroll_offset.y + y
        pieces, cursor = self._looks.get(index) or self._look(index, cells)
        known = self._drawn.get(index)
        if known is not None and known[:2] == (pieces, cursor):
            return known[2]
        strip = self.strip(pieces, cells, cursor=cursor)
        self._drawn[index] = (pieces, cursor, strip)
        return strip

    def notify_style_update(self) -> None:
        self._drawn.clear()
        super().notify_style_update()

    def on_focus(self) -> None:
        self._looks.clear()
        self.refresh()

    def on_blur(self) -> None:
        self._looks.clear()
        self.refresh()

    def on_resize(self) -> None:
        self._drawn.clear()
        self._looks.clear()
        self._go(self._cursor)

    def on_click(self, event: events.Click) -> None:
        index = self.scroll_offset.y + event.get_content_offset_capture(self).y
        while 0 < index < len(self._items) and not self._items[index].pickable:
            index -= 1
        if not 0 <= index < len(self._items) or not self._items[index].pickable:
            return
        if index == self._cursor:
            self.post_message(self.Chosen(self._items[index].key))
        else:
            self._go(index)
