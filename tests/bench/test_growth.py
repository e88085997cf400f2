"""What is linear and what is not, as noise allows it to be told."""

from __future__ import annotations

import pytest

from bench.growth import Growth, table


@pytest.mark.parametrize(
    ("costs", "linear"),
    [
        ((50, 60, 90, 150), True),  # a base and so much for each
        ((50, 50, 51, 52), True),  # next to nothing
        ((1, 10, 11, 12), True),  # less and less
        ((1, 2, 17, 101), False),  # the square
    ],
)
def test_growth_is_judged_by_what_a_piece_costs(costs: tuple[float, ...], linear: bool) -> None:
    assert Growth("memory", "MB", (1, 50, 200, 500), costs).linear is linear


def test_the_table_says_so() -> None:
    found = [Growth("forwards: memory", "MB", (1, 5, 10), (50.0, 55.0, 60.0))]
    assert table(found).splitlines()[2] == (
        "| forwards: memory | 1, 5, 10 | 50, 55, 60 MB | linear or better |"
    )
