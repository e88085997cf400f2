from __future__ import annotations

from typing import Any

import pytest

from tests.chaos.ledger import (
    Outcome,
    Result,
    Verdict,
    judge,
    percentile,
    recoveries,
    requests,
)
from tests.chaos.schedule import Kind
from tests.chaos.windows import CERT, TOKEN, Window


def outcome(result: Result = Result.DONE, **fields: Any) -> Outcome:
    plain: dict[str, Any] = {
        "number": 1,
        "client": "short",
        "way": CERT,
        "port": 8080,
        "begin": 1.0,
        "alive": 2.0,
        "end": 3.0,
        "first_byte": None,
        "received": 10,
    }
    return Outcome(result=result, **{**plain, **fields})


EXCUSES = [Window(kind, 0.0) for kind in Kind]


@pytest.mark.parametrize(
    ("result", "alone", "excused"),
    [
        (Result.DONE, Verdict.GOOD, Verdict.GOOD),
        (Result.RESET, Verdict.WRONG, Verdict.ALLOWED),
        (Result.EARLY, Verdict.WRONG, Verdict.ALLOWED),
        (Result.REFUSED, Verdict.REFUSED, Verdict.ALLOWED),
        (Result.WRONG, Verdict.WRONG, Verdict.WRONG),
        (Result.HUNG, Verdict.HUNG, Verdict.HUNG),
    ],
)
def test_only_ends_can_be_excused(result: Result, alone: Verdict, excused: Verdict) -> None:
    assert judge(outcome(result), [])[0] is alone
    assert judge(outcome(result), EXCUSES)[0] is excused


def test_the_latest_fault_is_the_reason() -> None:
    windows = [Window(Kind.KILL, 1.0, 2.0), Window(Kind.CUT_RESET, 2.5, 2.6)]
    assert judge(outcome(Result.RESET), windows) == (Verdict.ALLOWED, Kind.CUT_RESET)


def test_a_clean_end_is_excused_by_the_end_of_its_pod_alone() -> None:
    assert judge(outcome(Result.EARLY), [Window(Kind.KILL, 0.0)])[0] is Verdict.WRONG
    assert judge(outcome(Result.EARLY), [Window(Kind.POD_DELETE, 0.0)])[0] is Verdict.ALLOWED


def test_a_request_that_reached_two_pods_is_counted_twice() -> None:
    log = [
        "probe web-1 is listening",
        "GET /once/7 from 127.0.0.1",
        "GET /once/70 from 127.0.0.1",
        "source 500001",
        "GET /once/7 from 127.0.0.1",
        "counted 500001",
        "GET / from 127.0.0.1",
    ]
    assert requests(log) == {
        "/once/7": 2,
        "/once/70": 1,
        "source 500001": 1,
        "counted 500001": 1,
    }


def test_recovery_is_from_the_end_of_a_fault_to_the_next_first_byte_of_each_way() -> None:
    windows = [Window(Kind.API_DOWN, 1.0, 5.0), Window(Kind.TOO_MANY, 1.0, 2.0)]
    found = [
        outcome(first_byte=4.0),
        outcome(first_byte=5.5),
        outcome(first_byte=6.0),
        outcome(first_byte=7.0, way=TOKEN),
    ]
    assert recoveries(found, windows) == [(Kind.API_DOWN, 0.5), (Kind.API_DOWN, 2.0)]
    assert recoveries(found, [Window(Kind.TOKEN, 1.0, 5.0)]) == [(Kind.TOKEN, 2.0)]


def test_a_fault_is_not_blamed_for_the_time_another_one_takes() -> None:
    windows = [Window(Kind.API_DOWN, 1.0, 5.0), Window(Kind.SLEEP, 5.5, 8.0)]
    assert recoveries([outcome(first_byte=8.25)], windows) == [
        (Kind.API_DOWN, 0.75),
        (Kind.SLEEP, 0.25),
    ]


def test_percentiles() -> None:
    values = [float(n) for n in range(100)]
    assert [percentile(values, share) for share in (0.5, 0.99, 1.0)] == [50.0, 99.0, 99.0]
    assert percentile([], 0.5) == 0.0
