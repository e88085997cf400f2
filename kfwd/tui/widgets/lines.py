"""Several lines of pieces, as high as they are many."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Size
from textual.strip import Strip

from kfwd.tui.pieces import Pieces, cut
from kfwd.tui.widgets.toned import Toned


class Lines(Toned):
    """What does not fit into the width is cut."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: Sequence[Pieces] = ()

    def show(self, lines: Sequence[Pieces]) -> None:
        if lines != self._lines:
            higher = len(lines) != len(self._lines)
            self._lines = lines
            self.refresh(layout=higher)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines)

    def render_line(self, y: int) -> Strip:
        cells = self.size.width
        return self.strip(cut(self._lines[y], cells) if y < len(self._lines) else (), cells)
