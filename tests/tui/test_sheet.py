"""Sections of lines."""

from __future__ import annotations

from kfwd.tui.pieces import Piece, text, width
from kfwd.tui.sheet import Row, Section, items, labelled, wrapped


def test_sections_stand_apart_and_empty_ones_are_left_out() -> None:
    row = Row("a", (Piece("first"),))
    title = (Piece("more", "title"),)
    found = list(items([Section((), (row,)), Section(title, ()), Section(title, (Row("b", ()),))]))
    assert [(item.key, text(item.draw(20)), item.pickable) for item in found] == [
        ("a", "first", True),
        ("", "", False),
        ("", " more", False),
        ("b", "", True),
    ]


def test_a_line_is_cut_where_it_does_not_fit() -> None:
    (item,) = items([Section((), (labelled("a", "local", (Piece("localhost:80"),)),))])
    assert text(item.draw(80)) == " local       localhost:80"
    assert text(item.draw(20)) == " local       localh…"


def test_a_sentence_takes_the_lines_it_needs() -> None:
    rows = wrapped("hint", " ! ", "one two\nthree four five six", "bad", 24)
    assert [text(row.pieces) for row in rows] == [" ! one two three four", "   five six"]
    assert [row.key for row in rows] == ["hint:0", "hint:1"]
    wide = wrapped("hint", " ! ", "日本" * 10, "bad", 24)
    assert [width(row.pieces) for row in wide] == [23, 23]
    assert wrapped("hint", " ! ", "", "bad", 24)[0].pieces == (Piece(" ! ", "bad"),)
