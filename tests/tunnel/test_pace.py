"""How many dials at once."""

from __future__ import annotations

import pytest

from kfwd.tunnel.pace import FEW, HELD_UP_S, LEAST, MOST, Pace


def dials(pace: Pace, count: int, seconds: float) -> int:
    """The limit after so many dials that took so long."""
    for _ in range(count):
        pace.began(10.0)
        pace.ended(10.0, 10.0 + seconds, good=True)
    return pace.limit


@pytest.mark.parametrize(("first_s", "limit"), [(0.006, FEW), (0.041, 8), (0.071, 14), (2.0, MOST)])
def test_the_first_dial_tells_how_far_the_server_is(first_s: float, limit: int) -> None:
    pace = Pace()
    assert pace.limit == MOST
    assert dials(pace, 1, first_s) == limit


def test_dials_that_take_longer_at_once_become_fewer_and_more_again() -> None:
    pace = Pace()
    dials(pace, 1, 0.006)
    assert dials(pace, 1, 0.013) == FEW - 1
    assert dials(pace, 9, 0.013) == LEAST
    assert dials(pace, 1, 0.011) == LEAST + 1
    assert dials(pace, 99, 0.006) == MOST


def test_a_dial_that_failed_says_nothing_of_the_time_one_takes() -> None:
    pace = Pace()
    pace.began(1.0)
    pace.ended(1.0, 1.001, good=False)
    assert pace.limit == MOST


def test_no_more_begin_until_one_is_done_or_hangs() -> None:
    pace = Pace()
    dials(pace, 1, 0.006)
    for at in range(FEW):
        assert pace.admits(20.0)
        pace.began(20.0 + at / 1000)
    assert not pace.admits(20.004)
    assert pace.admits(20.0 + HELD_UP_S)
    pace.ended(20.0, 20.005, good=True)
    assert pace.admits(20.005)


def test_another_way_is_begun_on_as_the_first_was() -> None:
    pace = Pace()
    dials(pace, 9, 0.006)
    pace.began(1.0)
    pace.restart()
    assert pace.limit == MOST
    pace.ended(1.0, 1.006, good=True)
    assert pace.limit == FEW
