"""Faults at their lines."""

from __future__ import annotations

import pytest

from kfwd.tui import numbered
from kfwd.tui.pieces import text, width
from kfwd.yamldoc import Fault


def drawn(source: str, *faults: Fault, cells: int = 60) -> list[str]:
    return [text(line.pieces).rstrip() for line in numbered.lines(source, faults, cells)]


def test_a_fault_is_below_its_line_at_its_column() -> None:
    assert drawn("version: 1\nfoo: 2\n", Fault(2, 6, "no number")) == [
        " 1  version: 1",
        " 2  foo: 2",
        "         ^ no number",
    ]


def test_tabs_and_wide_characters_do_not_move_the_mark() -> None:
    assert drawn("\t日本: x", Fault(1, 6, "what"))[1] == " " * (4 + 4 + 4 + 2) + "^ what"


def test_what_does_not_fit_is_broken_into_lines() -> None:
    found = drawn("a: " + "x" * 50, Fault(1, 40, "a long story " * 5), cells=40)
    assert found[1].lstrip().startswith("^ a long story")
    assert len(found) > 3


def test_a_fault_behind_the_end_has_a_line() -> None:
    assert drawn("", Fault(3, 1, "missing"))[-2:] == [" 3", "    ^ missing"]


@pytest.mark.parametrize("cells", [20, 80, 200])
def test_nothing_is_wider_than_the_screen(cells: int) -> None:
    faults = [Fault(1, 500, "日本語 " * 60), Fault(1, 1, "x" * 300)]
    for line in numbered.lines("日" * 400, faults, cells):
        assert width(line.pieces) <= cells


def test_only_lines_of_the_text_can_have_the_cursor() -> None:
    found = list(numbered.lines("a\nb\n", [Fault(1, 1, "bad")], 40))
    assert [(line.number, line.said) for line in found] == [(1, False), (1, True), (2, False)]
