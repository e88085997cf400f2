from __future__ import annotations

import pytest

from tests.frozen.figures import Figure, summary


@pytest.mark.parametrize(
    ("found", "good", "end"),
    [
        ((1.0, 5.0, 14.9), True, "median   5.0 s   max  14.9 s   limit 15 s   ok"),
        ((1.0, 5.0, 15.1), False, "median   5.0 s   max  15.1 s   limit 15 s   EXCEEDED"),
    ],
)
def test_the_worst_of_what_was_found_counts(found: tuple[float, ...], good: bool, end: str) -> None:
    figure = Figure("noticed", found, 15.0)
    assert (figure.good, str(figure).split("noticed")[1].strip()) == (good, end)


def test_the_last_line_names_what_is_exceeded() -> None:
    figures = [Figure("fast", (1.0,), 2.0), Figure("slow", (3.0,), 2.0)]
    assert summary(figures) == "frozen: 2 figures, 1 exceeded: slow"
