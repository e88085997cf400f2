from __future__ import annotations

from tests.chaos.schedule import Kind
from tests.chaos.windows import (
    CERT,
    EFFECTS,
    TOKEN,
    Window,
    clear_s,
    covered_s,
    reason,
    uncut_s,
)

CUT = Window(Kind.CUT_EOF, 10.0, 10.1)
TAIL = EFFECTS[Kind.CUT_EOF].tail_s


def test_a_cut_is_excused_while_the_fault_is_at_work_and_just_after() -> None:
    assert reason([CUT], "cuts", CERT, 9.0, 10.05) is Kind.CUT_EOF
    assert reason([CUT], "cuts", CERT, 10.1 + TAIL, 11.0 + TAIL) is Kind.CUT_EOF
    assert reason([CUT], "cuts", CERT, 10.2 + TAIL, 20.0) is None
    assert reason([CUT], "cuts", CERT, 8.0, 9.9) is None


def test_a_cut_is_on_its_way_only_while_bytes_flow() -> None:
    asleep = Window(Kind.SLEEP, 10.05, 15.0)
    assert reason([CUT, asleep], "cuts", CERT, 15.0 + TAIL, 20.0) is Kind.CUT_EOF
    assert reason([CUT, asleep], "cuts", CERT, 15.2 + TAIL, 20.0) is None
    assert reason([CUT], "cuts", CERT, 15.0, 20.0, slow=[(10.5, 14.5)]) is Kind.CUT_EOF
    assert reason([CUT], "cuts", CERT, 15.0, 20.0, slow=[(10.5, 12.5)]) is None


def test_nothing_may_be_refused_once_every_port_has_accepted() -> None:
    killed = Window(Kind.KILL, 1.0, 3.0)
    assert reason([killed], "refuses", CERT, 2.9, 3.1) is Kind.KILL
    assert reason([killed], "refuses", CERT, 3.1, 3.2, slow=[(3.0, 4.0)]) is None


def test_a_fault_at_work_has_no_end() -> None:
    assert reason([Window(Kind.ROLLOUT, 1.0)], "ends", CERT, 500.0, 500.0) is Kind.ROLLOUT


def test_faults_excuse_only_what_they_are_listed_for() -> None:
    assert reason([CUT], "ends", CERT, 9.0, 10.05) is None
    assert reason([CUT], "refuses", CERT, 9.0, 10.05) is None
    for kind in (Kind.LATENCY, Kind.UNREADY, Kind.EDIT, Kind.TOO_MANY, Kind.BAN, Kind.SLEEP):
        assert reason([Window(kind, 0.0)], "cuts", CERT, 1.0, 2.0) is None
    allowed_to_end = {kind for kind in Kind if reason([Window(kind, 0.0)], "ends", CERT, 1, 2)}
    assert allowed_to_end == {Kind.POD_DELETE, Kind.ROLLOUT}
    refusing = {kind for kind in Kind if reason([Window(kind, 0.0)], "refuses", CERT, 1, 2)}
    assert refusing == {Kind.KILL}


def test_time_counts_only_while_the_way_is_free() -> None:
    frozen = [Window(Kind.FREEZE_ALL, 5.0, 8.0), Window(Kind.SLEEP, 7.0, 9.0)]
    assert clear_s(frozen, CERT, 0.0, 10.0) == 6.0
    assert clear_s([Window(Kind.API_DOWN, 4.0)], CERT, 0.0, 10.0) == 4.0
    assert clear_s([CUT], CERT, 0.0, 20.0) == 20.0


def test_an_expired_token_blocks_those_who_use_it() -> None:
    expired = [Window(Kind.TOKEN, 2.0, 6.0)]
    assert clear_s(expired, TOKEN, 0.0, 10.0) == 6.0
    assert clear_s(expired, CERT, 0.0, 10.0) == 10.0


def test_the_time_without_excuse_is_what_no_cutting_fault_covers() -> None:
    assert uncut_s([CUT, Window(Kind.LATENCY, 0.0)], 0.0, 20.0) == 20.0 - 0.1 - TAIL


def test_spans_that_overlap_are_counted_once() -> None:
    assert covered_s([(0, 2), (1, 3), (5, 6), (5.2, 5.4), (9, 8)]) == 4.0
