"""Limits on the way, and what only looks like one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kfwd.daemon.doctor.cuts import ceiling, told
from kfwd.daemon.history_file import Cut
from kfwd.tunnel.liveness import GIVEN_UP

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
EOF = "the connection to the API server ended"


def cut(at_s: float, age_s: float, idle_s: float, reason: str = EOF) -> Cut:
    at = NOON + timedelta(seconds=at_s)
    return Cut(at=at, context="dev", pod="ns/p", age_s=age_s, idle_s=idle_s, reason=reason)


def test_sessions_that_all_end_after_the_same_silence_show_an_idle_limit() -> None:
    found = told([cut(60, 41, 20.1), cut(200, 20.4, 20.0), cut(999, 600, 20.2), cut(1200, 7, 1)])
    assert (found.state, found.code) == ("warning", "idle-limit")
    assert found.text.startswith("connections are cut after 20 s without bytes")
    assert found.hint is not None


def test_sessions_that_all_end_at_the_same_age_show_an_age_limit() -> None:
    """At rest they are asked every 30 s, so that their silence is always the same, too."""
    found = told([cut(at, 3610, 10.0) for at in (3600, 7300, 11_000)])
    assert (found.state, found.code) == ("warning", "age-limit")
    assert found.text.startswith("connections are cut when they are 60 min old")


@pytest.mark.parametrize(("age", "words"), [(300, "5 min"), (14_400, "4 h"), (5400, "90 min")])
def test_limits_are_told_as_people_set_them(age: float, words: str) -> None:
    assert words in told([cut(at, age, 1.0) for at in (0, 1000, 2000)]).text


@pytest.mark.parametrize(
    "cuts",
    [
        [],
        [cut(0, 300, 1), cut(1000, 300, 1)],
        [cut(0, 300, 2), cut(1, 300, 2), cut(2, 300, 2)],
        [cut(0, 12, 1), cut(1000, 300, 2), cut(2000, 77, 0.2), cut(3000, 4000, 1)],
        [cut(at, 500 + at, 39.0, GIVEN_UP) for at in (0, 1000, 2000)],
    ],
    ids=["none", "twice", "all at once", "any age", "given up by ourselves"],
)
def test_what_shows_no_limit_is_none(cuts: list[Cut]) -> None:
    found = told(cuts)
    assert found.state == "ok"
    assert (str(len(cuts)) in found.text) is bool(cuts)


def test_one_that_outlived_it_disproves_a_limit() -> None:
    seen = [(0.0, 300.0), (1000.0, 300.0), (2000.0, 301.0)]
    assert ceiling(seen) == 301.0
    assert ceiling([*seen, (3000.0, 900.0)]) is None
