"""Liveness as a table of times: when to ask, and when silence is death."""

from __future__ import annotations

import pytest

from kfwd.tunnel.liveness import Check, Liveness


def walk(
    liveness: Liveness, start: float, *, busy: bool, held_back: bool = False
) -> list[tuple[float, str]]:
    """What happens from `start` on when nothing arrives, as (time, event)."""
    now, seen = start, []
    for _ in range(12):
        check = liveness.check(now, busy=busy, held_back=held_back)
        if check.ping:
            seen.append((now, "ping"))
        if check.dead:
            return [*seen, (now, "dead")]
        now += check.again_s
    return seen


def test_a_busy_session_that_falls_silent_is_dead_within_fourteen_seconds() -> None:
    assert walk(Liveness(0.0), 0.0, busy=True) == [(5.0, "ping"), (6.0, "ping"), (14.0, "dead")]


def test_at_rest_it_asks_every_thirty_seconds() -> None:
    assert walk(Liveness(0.0), 0.0, busy=False) == [(30.0, "ping"), (31.0, "ping"), (39.0, "dead")]


def test_answers_keep_it_asking_every_five_seconds() -> None:
    liveness, now, pings = Liveness(0.0), 0.0, []
    while now < 21:
        check = liveness.check(now, busy=True, held_back=False)
        if check.ping:
            pings.append(now)
            liveness.heard(now + 0.02)
        now += check.again_s
    assert pings == [5.0, 10.0, 15.0, 20.0]


def test_any_byte_before_the_end_is_life() -> None:
    liveness = Liveness(0.0)
    assert liveness.check(5.0, busy=True, held_back=False).ping
    assert liveness.check(6.0, busy=True, held_back=False).ping
    liveness.heard(13.9)
    assert not liveness.check(14.0, busy=True, held_back=False).dead


def test_a_session_that_is_held_back_is_never_declared_dead() -> None:
    events = walk(Liveness(0.0), 0.0, busy=True, held_back=True)
    assert "dead" not in {event for _, event in events}
    assert len(events) >= 4


def test_a_session_that_becomes_busy_is_asked_by_the_busy_clock() -> None:
    liveness = Liveness(0.0)
    assert liveness.check(2.0, busy=False, held_back=False) == Check(False, False, 28.0)
    assert liveness.check(4.0, busy=True, held_back=False) == Check(False, False, 1.0)


def test_ten_silent_seconds_ask_before_trust() -> None:
    liveness = Liveness(0.0)
    assert not liveness.silent(9.9)
    assert liveness.silent(10.0)
    liveness.heard(10.0)
    assert not liveness.silent(19.9)


def test_the_answer_to_a_question_tells_how_far_away_the_peer_is() -> None:
    liveness = Liveness(0.0)
    liveness.answered(1.0)
    assert liveness.round_trip_s is None
    assert liveness.check(5.0, busy=True, held_back=False).ping
    liveness.heard(5.25)
    liveness.answered(5.25)
    liveness.answered(9.0)  # to a question before that one
    assert liveness.round_trip_s == 0.25
    liveness.asked(10.0)
    liveness.excuse(20.0)
    liveness.answered(20.5)
    assert liveness.round_trip_s == 0.25


def test_a_goodbye_ends_no_silence() -> None:
    liveness = Liveness(0.0)
    liveness.heard(2.0)
    liveness.heard(10.0)
    liveness.ended()
    assert liveness.heard_at == 2.0


def test_a_pause_of_our_own_is_excused() -> None:
    liveness = Liveness(0.0)
    assert liveness.check(5.0, busy=True, held_back=True).ping
    assert liveness.check(6.0, busy=True, held_back=True).ping
    liveness.excuse(100.0)
    assert liveness.check(100.0, busy=True, held_back=False) == Check(False, False, 5.0)


@pytest.mark.parametrize("busy", [True, False])
@pytest.mark.parametrize("heard", [99.9, 80.0, 71.0])
def test_a_session_that_is_doubted_asks_at_once_and_is_dead_after_nine_seconds(
    busy: bool, heard: float
) -> None:
    liveness = Liveness(heard)
    liveness.doubt(100.0)
    assert liveness.silent(100.0)
    assert walk(liveness, 100.0, busy=busy) == [(100.0, "ping"), (101.0, "ping"), (109.0, "dead")]


def test_a_doubted_session_that_answers_is_trusted_again() -> None:
    liveness = Liveness(99.0)
    liveness.doubt(100.0)
    assert liveness.check(100.0, busy=False, held_back=False).ping
    liveness.heard(100.2)
    assert not liveness.silent(100.2)
    assert liveness.check(100.2, busy=False, held_back=False).again_s == pytest.approx(29.8)


def test_doubts_again_and_again_do_not_put_off_the_end() -> None:
    liveness = Liveness(0.0)
    liveness.doubt(1.0)
    assert liveness.check(1.0, busy=True, held_back=False).ping
    assert liveness.check(2.0, busy=True, held_back=False).ping
    for now in (3.0, 5.0, 7.0, 9.0):
        liveness.doubt(now)
        assert not liveness.check(now, busy=True, held_back=False).ping
    assert liveness.check(10.0, busy=True, held_back=False).dead
