"""The peak of the last minute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kfwd.tunnel.peak import Peak


def test_it_remembers_the_highest_for_a_minute() -> None:
    peak = Peak(60.0)
    peak.note(0.0, 5)
    peak.note(1.0, 2)
    assert peak.get(59.0) == 5
    assert peak.get(61.5) == 2


def test_nothing_noted_is_nothing() -> None:
    assert Peak().get(0.0) == 0


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(0, 20)), min_size=1, max_size=60))
def test_it_is_what_a_full_memory_would_say(steps: list[tuple[float, int]]) -> None:
    peak, now, noted = Peak(30.0), 0.0, []
    for step, count in steps:
        now += step
        peak.note(now, count)
        noted.append((now, count))
        # A count holds until the next one, so the one in force at the window's start counts.
        ends = [when for when, _ in noted[1:]] + [float("inf")]
        recent = [n for (_, n), end in zip(noted, ends, strict=True) if end > now - 30.0]
        assert peak.get(now) == max(recent)
