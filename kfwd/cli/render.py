"""Tables, JSON and colours. Pure but for asking a stream what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import msgspec

from kfwd.model import State
from kfwd.text import age as age
from kfwd.text import clean as clean
from kfwd.text import clock as clock
from kfwd.text import escaped
from kfwd.text import few as few
from kfwd.text import listening as listening
from kfwd.text import share as share
from kfwd.text import size as size
from kfwd.text import stamp as stamp

RED, GREEN, YELLOW, DIM, BOLD = "31", "32", "33", "2", "1"
GAP = "   "
STATE_STYLE: Mapping[str, str] = {
    State.READY: GREEN,
    State.STARTING: YELLOW,
    State.WAITING: YELLOW,
    State.DEGRADED: YELLOW,
    State.STOPPING: DIM,
    State.PAUSED: DIM,
    State.FAILED: RED,
}


class Cell(msgspec.Struct, frozen=True):
    """Text with a style (an SGR parameter, `""` for none)."""

    text: str
    style: str = ""


def colours(stream: TextIO, env: Mapping[str, str]) -> bool:
    """Whether to colour: on a terminal that is not dumb, and not against NO_COLOR."""
    return stream.isatty() and not env.get("NO_COLOR") and env.get("TERM") != "dumb"


def paint(text: str, style: str, colour: bool) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if colour and style and text else text


def table(rows: Sequence[Sequence[str | Cell]], *, colour: bool = False) -> str:
    """Columns as wide as their widest cell; the first row is the heading. Ends with a newline."""
    if not rows:
        return ""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(cells_of(row[column].text) for row in cells) for column in range(len(cells[0]))]
    cells[0] = [Cell(cell.text, BOLD) for cell in cells[0]]
    return "".join(_line(row, widths, colour) + "\n" for row in cells)


def cells_of(text: str) -> int:
    """How many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    seen = [char for char in text if category(char) not in {"Mn", "Me", "Cf"}]
    return len(seen) + sum(east_asian_width(char) in "WF" for char in seen)


def _cell(value: str | Cell) -> Cell:
    return Cell(clean(value)) if isinstance(value, str) else Cell(clean(value.text), value.style)


def _line(row: Sequence[Cell], widths: Sequence[int], colour: bool) -> str:
    padded = [
        paint(cell.text, cell.style, colour) + " " * (width - cells_of(cell.text))
        for cell, width in zip(row, widths, strict=True)
    ]
    return GAP.join(padded).rstrip()


def as_json(value: Any) -> str:
    """JSON for people and programs: indented, with a newline at the end."""
    return escaped(msgspec.json.format(msgspec.json.encode(value), indent=2).decode()) + "\n"


def as_line(value: Any) -> str:
    """JSON in one line."""
    return escaped(msgspec.json.encode(value).decode()) + "\n"
