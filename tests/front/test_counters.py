"""Counters start at nothing and count alone."""

from __future__ import annotations

from kfwd.front.counters import Counters


def test_counters_start_at_nothing_and_are_their_own() -> None:
    first, second = Counters(), Counters()
    first.open += 1
    first.received += 10
    assert [getattr(second, name) for name in Counters.__slots__] == [0] * 6
    assert (first.open, first.received, first.sent) == (1, 10, 0)
