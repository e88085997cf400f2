"""A text with numbered lines and its faults at theirs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from kfwd.text import clean
from kfwd.tui.pieces import Piece, Pieces, Tone, cut, wrap
from kfwd.yamldoc import Fault

TAB = "    "


class Numbered(NamedTuple):
    """A line on the screen, which belongs to line `number` of the text; `said`: a fault there."""

    number: int
    pieces: Pieces
    said: bool = False


def lines(text: str, faults: Sequence[Fault], cells: int) -> Iterator[Numbered]:
    """Each line of `text`, and below it what is wrong there, at its column."""
    found = text.splitlines() or [""]
    last = max([len(found), *(fault.line for fault in faults)])
    wide = len(str(last))
    for number in range(1, last + 1):
        line = found[number - 1] if number <= len(found) else ""
        here = [fault for fault in faults if fault.line == number]
        yield Numbered(number, _line(number, wide, line, bool(here), cells))
        for fault in here:
            before = cell_len(_shown(line[: fault.column - 1]))
            for pieces in _fault(fault.message, wide + 3 + before, wide + 3, cells):
                yield Numbered(number, pieces, said=True)


def _shown(line: str) -> str:
    return clean(line.replace("\t", TAB))


def _line(number: int, wide: int, line: str, faulty: bool, cells: int) -> Pieces:
    tone: Tone = "bad" if faulty else "dim"
    comment = line.lstrip().startswith("#")
    shown = Piece(_shown(line), "dim" if comment else "plain")
    return cut((Piece(f" {number:>{wide}}  ", tone), shown), cells)


def _fault(message: str, at: int, least: int, cells: int) -> Iterator[Pieces]:
    """The message with a mark below what it is about; further left where there is no room."""
    room = min(cell_len(message) + 2, max(cells // 2, 24))
    at = max(least, min(at, cells - room))
    for number, said in enumerate(wrap(message, max(8, cells - at - 3))):
        yield (Piece(" " * at), Piece(f"{'  ' if number else '^ '}{said}", "bad"))
