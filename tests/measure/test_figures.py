"""Runs become medians, ratios, goals and words."""

from __future__ import annotations

import pytest

from kfwd.measure import figures
from kfwd.measure.figures import Figure


def figure(goal: str, *pairs: tuple[float, float | None]) -> Figure:
    made = Figure("speed", "MB/s", goal)
    for ours, theirs in pairs:
        made.add(ours, theirs)
    return made


def test_the_ratio_is_the_median_of_pairs_not_of_sides() -> None:
    result = figure(">= 1.1", (10, 5), (20, 40), (30, 10)).result
    assert (result.kfwd, result.kubectl, result.ratio) == (20, 10, 2)
    assert result.spread == 1.0


@pytest.mark.parametrize(
    ("goal", "ours", "theirs", "good"),
    [
        (">= 1.1", 12, 10, True),
        (">= 1.1", 10, 10, False),
        ("<= 0.9", 8, 10, True),
        ("< 1", 1, None, False),
        ("<= 150", 90, None, True),
        ("", 1, 1, None),
    ],
)
def test_a_goal_is_of_the_ratio_where_there_is_one(
    goal: str, ours: float, theirs: float | None, good: bool | None
) -> None:
    assert figure(goal, (ours, theirs)).result.good is good


def test_a_row_has_a_cell_for_every_column() -> None:
    alone, pair = figure("", (0.01234, None)).result, figure(">= 1.1", (1234.5, 1000)).result
    assert figures.rows([alone, pair]) == [
        ("speed", "MB/s", "0.0123", "-", "-", ""),
        ("speed", "MB/s", "1234", "1000", "1.23", ">= 1.1"),
    ]


@pytest.mark.parametrize(
    ("goal", "ours", "words"),
    [
        (">= 1", 200, "speed: kfwd is ahead, 2 times higher"),
        (">= 1", 50, "speed: kubectl is ahead, 2 times higher"),
        ("<= 1", 25, "speed: kfwd is ahead, 4 times lower"),
        ("<= 1", 102, "speed: no difference that counts"),
    ],
)
def test_the_verdict_says_who_is_ahead(goal: str, ours: float, words: str) -> None:
    assert figures.verdict([figure(goal, (ours, 100)).result]) == [words]


def test_there_is_no_verdict_without_the_other_side() -> None:
    assert figures.verdict([figure("<= 150", (90, None)).result]) == []
