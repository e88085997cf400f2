"""Lines of pieces, measured in cells."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from kfwd.tui.pieces import Piece, cut, fit, hints, paragraph, shorten, spread, text, width, wrap


@pytest.mark.parametrize(
    ("given", "cells", "right", "found"),
    [
        ("web", 5, False, "web  "),
        ("12", 5, True, "   12"),
        ("a-long-name", 6, False, "a-lon…"),
        ("日本語", 5, False, "日本…"),
        ("日本語", 4, False, "日 …"),
        ("a\tb", 3, False, "a b"),
        ("web", 0, False, ""),
    ],
)
def test_a_cell_is_exactly_as_wide_as_asked(
    given: str, cells: int, right: bool, found: str
) -> None:
    assert fit(given, cells, right=right) == found
    assert width((Piece(found),)) == cells


def test_what_is_short_enough_stays() -> None:
    assert shorten("web", 5) == "web"
    assert shorten("website", 5) == "webs…"


def test_left_and_right_fill_the_line() -> None:
    assert text(spread((Piece("ab"),), (Piece("c"),), 6)) == "ab   c"
    assert text(spread((Piece("abcdefgh"),), (Piece("z"),), 6)) == "abc… z"
    assert text(spread((Piece("ab"),), (Piece("too wide"),), 6)) == "ab"


def test_cutting_keeps_tones() -> None:
    line = (Piece("ab", "good"), Piece("cdef", "bad"), Piece("gh"))
    assert cut(line, 4) == (Piece("ab", "good"), Piece("c…", "bad"))
    assert cut(line, 2) == (Piece("ab", "good"),)
    assert cut(line, 8) == line


def test_text_is_wrapped_between_words_and_inside_those_that_are_too_long() -> None:
    assert wrap("no ready endpoint", 9) == ["no ready", "endpoint"]
    assert wrap("日本語 " + "x" * 7, 4) == ["日本", "語", "xxxx", "xxx"]
    assert wrap(" \n ", 9) == []
    assert all(cell_len(line) <= 5 for line in wrap("a日本語日本語 bb 日" * 9, 5))


def test_a_paragraph_stands_behind_its_mark() -> None:
    found = [text(line) for line in paragraph("→ ", "log in again", "plain", 2, 12)]
    assert found == ["  → log in", "    again"]


def test_hints_are_keys_and_what_they_do() -> None:
    found = hints(("enter", "copies"), ("esc", "leaves"))
    assert text(found) == "enter copies  esc leaves  "
    assert [piece.tone for piece in found] == ["accent", "dim"] * 2
