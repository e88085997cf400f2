"""A line of text as pieces with a tone each, measured in terminal cells. Pure.

A tone is a word for what is meant (`good`, `dim`); the style sheet says how that looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from rich.cells import cell_len, set_cell_size

from kfwd.text import clean

Tone = Literal["plain", "good", "warn", "bad", "dim", "accent", "title", "busy"]
TONES: tuple[Tone, ...] = ("plain", "good", "warn", "bad", "dim", "accent", "title", "busy")
ELLIPSIS = "…"


class Piece(NamedTuple):
    text: str
    tone: Tone = "plain"


Pieces = tuple[Piece, ...]


def width(pieces: Pieces) -> int:
    """Cells the pieces take."""
    return sum(cell_len(piece.text) for piece in pieces)


def fit(text: str, cells: int, *, right: bool = False) -> str:
    """Exactly `cells` wide: padded, or cut with an ellipsis; wide characters are never halved."""
    text = clean(text)
    has = cell_len(text)
    if has > cells:
        return set_cell_size(text, cells - 1) + ELLIPSIS if cells > 0 else ""
    pad = " " * (cells - has)
    return pad + text if right else text + pad


def shorten(text: str, cells: int) -> str:
    """At most `cells` wide."""
    text = clean(text)
    return text if cell_len(text) <= cells else fit(text, cells)


def wrap(text: str, cells: int) -> list[str]:
    """In lines of at most `cells`, broken between words where that is possible."""
    lines = [""]
    for word in clean(text).split():
        while cell_len(word) > cells:
            head = set_cell_size(word, max(cells, 2)).rstrip()
            lines, word = [*lines, head], word[len(head) :]
        spaced = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(spaced) <= cells:
            lines[-1] = spaced
        else:
            lines.append(word)
    return [line for line in lines if line]


def paragraph(mark: str, text: str, tone: Tone, indent: int, cells: int) -> Iterator[Pieces]:
    """Text in as many lines as it takes, `mark` before the first."""
    first = " " * indent + mark
    for number, said in enumerate(wrap(text, max(8, cells - cell_len(first) - 1))):
        before = " " * cell_len(first) if number else first
        yield cut((Piece(before, "accent"), Piece(said, tone)), cells)


def hints(*pairs: tuple[str, str]) -> Pieces:
    """Keys and what each does, for the last line of a dialog."""
    found = ((Piece(key, "accent"), Piece(f" {does}  ", "dim")) for key, does in pairs)
    return tuple(piece for pair in found for piece in pair)


def spread(left: Pieces, right: Pieces, cells: int) -> Pieces:
    """`left` at the left, `right` at the right end; where both do not fit, `left` is cut."""
    room = cells - width(right)
    if room < 1:
        return cut(left, cells)
    left = cut(left, max(0, room - 1))
    return (*left, Piece(" " * (room - width(left))), *right)


def cut(pieces: Pieces, cells: int) -> Pieces:
    """At most `cells` wide, with an ellipsis where something is missing."""
    kept: list[Piece] = []
    for piece in pieces:
        size = cell_len(piece.text)
        if size > cells:
            return (*kept, Piece(fit(piece.text, cells), piece.tone)) if cells else tuple(kept)
        kept.append(piece)
        cells -= size
    return tuple(kept)


def text(pieces: Pieces) -> str:
    """The words alone."""
    return "".join(piece.text for piece in pieces)
