"""One line of pieces."""

from __future__ import annotations

from collections.abc import Callable

from textual.strip import Strip

from kfwd.tui.pieces import Pieces
from kfwd.tui.widgets.toned import Toned

Draw = Callable[[int], Pieces]
"""Pieces for a line so many cells wide."""


def fixed(pieces: Pieces) -> Draw:
    """The same pieces at any width, for those who make them anew when it changes."""
    return lambda cells: pieces


class Line(Toned):
    """Redrawn by `show` only when its pieces are others than before."""

    def __init__(
        self, draw: Draw = lambda cells: (), *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._draw = draw
        self._last: Pieces | None = None

    def show(self, draw: Draw | None = None) -> None:
        """Draw anew, by `draw` from now on if it is given."""
        self._draw = draw or self._draw
        if self._draw(self.size.width) != self._last:
            self.refresh()

    def render_line(self, y: int) -> Strip:
        cells = self.size.width
        self._last = self._draw(cells)
        return self.strip(self._last, cells)
