"""Moments in the past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kfwd.cli.since import moment
from tests.cli.conftest import Run
from tests.daemon.records import THEN
from tests.standin import StandIn


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        ("7d", timedelta(days=7)),
    ],
)
def test_how_long_ago(text: str, ago: timedelta) -> None:
    assert moment(text, THEN) == THEN - ago


def test_a_time_is_local_unless_it_names_a_zone() -> None:
    assert moment("2026-11-28T10:00+02:00", THEN) == datetime(2026, 11, 28, 8, tzinfo=UTC)
    assert moment("2026-11-28T10:00Z", THEN) == datetime(2026, 11, 28, 10, tzinfo=UTC)
    assert moment("2026-11-28T10:00", THEN) == datetime(2026, 11, 28, 10).astimezone()  # local


@pytest.mark.parametrize("text", ["", "2", "2w", "yesterday", "-2h", "999999d", "2026-13-01"])
def test_what_is_no_time_is_a_usage_error(run: Run, daemon: StandIn, text: str) -> None:
    result = run("events", "--since", text)
    assert result.code == 2
    assert result.err.startswith("kfwd: ")
