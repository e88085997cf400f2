from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from tests.chaos.ledger import Result, Verdict
from tests.chaos.report import Report, unseen_or_repeated, verdicts
from tests.chaos.schedule import Kind
from tests.chaos.test_ledger import outcome
from tests.chaos.windows import Window

LAST = re.compile(
    r"chaos: \d+ faults, \d+ connections, \d+ bytes checked, \d+ wrong, \d+ hung, \d+ refused, "
    r"\d+ lost; recovery p50 \d+\.\d\d p99 \d+\.\d\d max \d+\.\d\d s; seed \d+"
)


def report(**cases: Any) -> Report:
    plain: dict[str, Any] = {"wrong": [], "hung": [], "refused": [], "lost": []}
    return Report(
        seed=7,
        span=(0.0, 10.0),
        windows=[Window(Kind.CUT_EOF, 1.0, 1.1)],
        outcomes=[outcome(first_byte=2.1), outcome(Result.RESET)],
        **{**plain, **cases},
    )


def test_the_last_line_has_its_form() -> None:
    last = str(report()).splitlines()[-1]
    assert LAST.fullmatch(last)
    assert last == (
        "chaos: 1 faults, 2 connections, 20 bytes checked, 0 wrong, 0 hung, 0 refused, 0 lost; "
        "recovery p50 1.00 p99 1.00 max 1.00 s; seed 7"
    )


@pytest.mark.parametrize("case", ["wrong", "hung", "refused", "lost"])
def test_one_case_of_any_kind_spoils_a_run_and_is_named(case: str) -> None:
    spoilt = report(**{case: ["here it is"]})
    assert report().good
    assert not spoilt.good
    assert f"{case}: here it is" in str(spoilt)
    assert f"1 {case}" in spoilt.last_line()


def test_the_tables_name_the_fault_that_excuses_a_cut() -> None:
    lines = str(report()).splitlines()
    assert ["sessions", "ended", "1", "1", "1.00", "s"] in [line.split() for line in lines]


def test_what_is_not_allowed_is_told_from_what_is() -> None:
    found = verdicts([outcome(Result.RESET), outcome(Result.WRONG, detail="why")], [])
    assert len(found[Verdict.WRONG]) == 2
    assert "why" in found[Verdict.WRONG][1]
    assert not found[Verdict.ALLOWED]


def test_requests_sent_twice_and_answers_nobody_logged_are_named() -> None:
    seen = Counter({"/once/1": 1, "/once/2": 2})
    assert unseen_or_repeated(["/once/1"], seen) == ["/once/2 was sent 2 times"]
    assert unseen_or_repeated(["/once/3"], Counter()) == ["/once/3 was answered and not logged"]
