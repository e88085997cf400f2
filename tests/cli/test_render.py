"""Facts as text."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest

from kfwd.cli import render

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


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


def test_no_rows_are_no_table() -> None:
    assert render.table([]) == ""


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (812, "812 B"),
        (1024, "1.0 KiB"),
        (13 << 20, "13 MiB"),
        (5 << 40, "5.0 TiB"),
        (5000 << 40, "5000 TiB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert render.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s"), (59, "59s"), (750, "12m"), (11520, "3h12m"), (370800, "4d7h")],
)
def test_ages(seconds: int, text: str) -> None:
    assert render.age(NOW - timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("addresses", "text"),
    [
        ((), "-"),
        (("127.0.0.1:80", "[::1]:80"), "localhost:80"),
        (("127.0.0.1:80", "[::1]:81"), "127.0.0.1:80,[::1]:81"),
        (("0.0.0.0:80", "unix:/x"), "0.0.0.0:80,unix:/x"),
    ],
)
def test_both_families_of_localhost_are_one(addresses: tuple[str, ...], text: str) -> None:
    assert render.listening(addresses) == text


def test_json_is_indented_or_in_one_line() -> None:
    assert render.as_json({"a": [1]}) == '{\n  "a": [\n    1\n  ]\n}\n'
    assert render.as_line({"a": [1]}) == '{"a":[1]}\n'
