"""Tables, JSON and colours."""

from __future__ import annotations

import io

import pytest

from kfwd.cli import render


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "env", "expected"),
    [
        (Terminal(), {}, True),
        (io.StringIO(), {}, False),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
    ],
)
def test_colour_only_on_a_terminal_that_wants_it(
    stream: io.StringIO, env: dict[str, str], expected: bool
) -> None:
    assert render.colours(stream, env) is expected


def test_columns_are_as_wide_as_their_widest_cell_and_colour_counts_for_nothing() -> None:
    rows = [["A", "B", "C"], [render.Cell("long", render.RED), "x", "y"], ["s", "xyz", ""]]
    assert render.table(rows) == "A      B     C\nlong   x     y\ns      xyz\n"
    assert render.table(rows, colour=True).splitlines()[1] == "\x1b[31mlong\x1b[0m   x     y"


def test_wide_and_combined_characters_take_the_cells_they_have() -> None:
    rows = [["生产", "x"], ["e\u0301c", "x"], ["plain", "x"]]
    assert render.table(rows) == "生产    x\ne\u0301c      x\nplain   x\n"


def test_no_rows_are_no_table() -> None:
    assert render.table([]) == ""


def test_json_is_indented_or_in_one_line() -> None:
    assert render.as_json({"a": [1]}) == '{\n  "a": [\n    1\n  ]\n}\n'
    assert render.as_line({"a": [1]}) == '{"a":[1]}\n'
