"""A page to read: sections of lines, each of which may offer a text to copy. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

from rich.cells import cell_len

from kfwd.tui.pieces import Piece, Pieces, Tone, cut, wrap
from kfwd.tui.widgets.line_table import Item

LABEL = 12
GAP = Piece(" ")


class Row(NamedTuple):
    """A line. `key` stays the same while the line is about the same thing."""

    key: str
    pieces: Pieces
    copies: str = ""


class Section(NamedTuple):
    """Lines under a title; without a title they stand alone. One without lines is left out."""

    title: Pieces
    rows: tuple[Row, ...]


def items(sections: Iterable[Section]) -> Iterator[Item]:
    """The lines of a table: an empty line between sections."""
    begun = False
    for section in sections:
        if not section.rows:
            continue
        if begun:
            yield Item("", partial(cut, ()), pickable=False)
        if section.title:
            yield Item("", partial(cut, (GAP, *section.title)), pickable=False)
        for row in section.rows:
            yield Item(row.key, partial(cut, row.pieces))
        begun = True


def labelled(key: str, label: str, pieces: Pieces, copies: str = "") -> Row:
    """` local       localhost:5432`."""
    return Row(key, (Piece(f" {label:<{LABEL}}", "dim"), *pieces), copies)


def wrapped(key: str, first: str, text: str, tone: Tone, cells: int) -> list[Row]:
    """A sentence over as many lines as it takes, all set in behind `first`."""
    begin = " " * cell_len(first)
    lines = wrap(text, max(20, cells - cell_len(first) - 1)) or [""]
    return [
        Row(f"{key}:{at}", (Piece(f"{begin if at else first}{line}", tone),))
        for at, line in enumerate(lines)
    ]
