"""A widget that draws pieces: tones become styles of the style sheet."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from kfwd.text import clean
from kfwd.tui.pieces import TONES, Pieces, Tone

DIM = Style(dim=True)
REVERSE = Style(reverse=True)
"""The cursor where colours are the terminal's own, light or dark, or there are none."""


def shown(text: str) -> str:
    """Text that may be drawn, whoever wrote it."""
    return text if text.isprintable() else clean(text)


class Toned(Widget):
    """`strip` draws a line. Styles are looked up once and again when the theme changes."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"tone--{tone}" for tone in TONES} | {"tone--cursor"}

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._styles: dict[tuple[Tone, bool], Style] = {}
        self.stale = False

    def notify_style_update(self) -> None:
        """The theme, or a class, has changed."""
        self._styles.clear()
        super().notify_style_update()

    def strip(self, pieces: Pieces, cells: int, *, cursor: bool = False) -> Strip:
        """One line, exactly `cells` wide."""
        segments = [
            Segment(shown(text), self._style(tone, cursor)) for text, tone in pieces if text
        ]
        return Strip(segments).adjust_cell_length(cells, self._style("plain", cursor))

    def set_stale(self, stale: bool) -> None:
        """Draw dimly: what is shown is no longer known to be so."""
        if stale is not self.stale:
            self.stale = stale
            self._styles.clear()
            self.refresh()

    def _style(self, tone: Tone, cursor: bool) -> Style:
        style = self._styles.get((tone, cursor))
        if style is None:
            names = (f"tone--{tone}", *(("tone--cursor",) if cursor else ()))
            style = self.get_visual_style(*names).rich_style
            if cursor and self.app.native_ansi_color:
                style += REVERSE
            if self.stale:
                style += DIM
            self._styles[tone, cursor] = style
        return style
