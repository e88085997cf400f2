"""Back-off: delays grow to a cap, and only proven health starts them over."""

from __future__ import annotations

import random

from kfwd.backoff import CAP_S, FIRST_S, HEALTHY_S, Backoff


def highest(low: float, high: float) -> float:
    return high


def test_delays_double_up_to_the_cap() -> None:
    backoff = Backoff(uniform=highest)
    delays = [backoff.failed(float(n)) for n in range(10)]
    assert delays[:4] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S, 8 * FIRST_S]
    assert delays[-1] == CAP_S


def test_a_moment_of_success_keeps_the_long_delay() -> None:
    backoff = Backoff(uniform=highest)
    for n in range(5):
        backoff.failed(float(n))
    backoff.succeeded(10.0)
    assert backoff.failed(10.0 + HEALTHY_S - 1) == FIRST_S * 2**5


def test_proven_health_starts_over() -> None:
    backoff = Backoff(uniform=highest)
    for n in range(5):
        backoff.failed(float(n))
    backoff.succeeded(10.0)
    backoff.succeeded(20.0)
    assert backoff.failed(10.0 + HEALTHY_S) == FIRST_S
    assert backoff.failures == 1


def test_jitter_spreads_delays_and_never_reaches_zero() -> None:
    rng = random.Random(1)
    delays = {Backoff(uniform=rng.uniform).failed(0.0) for _ in range(50)}
    assert len(delays) == 50
    assert all(0 < delay <= FIRST_S for delay in delays)


def test_ten_thousand_failures_do_not_overflow() -> None:
    backoff = Backoff(uniform=highest)
    assert max(backoff.failed(float(n)) for n in range(10_000)) == CAP_S


def test_a_restart_forgets_the_failures() -> None:
    backoff = Backoff(uniform=highest)
    for n in range(10):
        backoff.failed(float(n))
    backoff.restart()
    assert backoff.failed(11.0) == FIRST_S
