from __future__ import annotations

import pytest

from kfwd.errors import (
    ApiError,
    Forbidden,
    KfwdError,
    LoginNeeded,
    NotFound,
    ProtocolError,
    Unreachable,
)
from kfwd.kube.rounds import PATIENCE, Next, Outcome, Phase, after, outcome_of

LIST, WATCH, GET = Phase.LIST, Phase.WATCH, Phase.GET


@pytest.mark.parametrize(
    ("phase", "outcome", "expected"),
    [
        (LIST, Outcome.DONE, Next(WATCH)),
        (LIST, Outcome.EXPIRED, Next(LIST, "back-off")),
        (LIST, Outcome.TOLD, Next(LIST, "told")),
        (LIST, Outcome.REFUSED, Next(LIST, "back-off")),
        (LIST, Outcome.FAILED, Next(LIST, "back-off")),
        (LIST, Outcome.FORBIDDEN, Next(LIST, "rules")),
        (WATCH, Outcome.DONE, Next(WATCH)),
        (WATCH, Outcome.SHORT, Next(WATCH, "back-off")),
        (WATCH, Outcome.EXPIRED, Next(LIST, "back-off")),
        (WATCH, Outcome.TOLD, Next(WATCH, "told")),
        (WATCH, Outcome.REFUSED, Next(WATCH, "back-off")),
        (WATCH, Outcome.FAILED, Next(WATCH, "back-off")),
        (WATCH, Outcome.FORBIDDEN, Next(LIST, "poll")),
        (GET, Outcome.DONE, Next(GET, "poll")),
        (GET, Outcome.TOLD, Next(GET, "told")),
        (GET, Outcome.REFUSED, Next(GET, "back-off")),
        (GET, Outcome.FAILED, Next(GET, "back-off")),
        (GET, Outcome.FORBIDDEN, Next(GET, "rules")),
    ],
)
def test_after_each_end_there_is_one_thing_to_do(
    phase: Phase, outcome: Outcome, expected: Next
) -> None:
    assert after(phase, outcome) == expected


@pytest.mark.parametrize(("phase"), [LIST, WATCH])
def test_a_single_object_may_be_got_where_it_may_not_be_listed_or_watched(phase: Phase) -> None:
    assert after(phase, Outcome.FORBIDDEN, one=True) == Next(GET)


def test_where_a_watch_is_forbidden_lists_take_its_place() -> None:
    assert after(LIST, Outcome.DONE, watchable=False) == Next(LIST, "poll")


@pytest.mark.parametrize(
    ("outcome", "phase"), [(Outcome.REFUSED, LIST), (Outcome.FAILED, WATCH), (Outcome.SHORT, WATCH)]
)
def test_only_a_server_that_keeps_refusing_a_watch_is_listed_again(
    outcome: Outcome, phase: Phase
) -> None:
    assert after(WATCH, outcome, failures=PATIENCE).phase is phase


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Forbidden("x"), Outcome.FORBIDDEN),
        (ApiError("x", status=410), Outcome.EXPIRED),
        (ApiError("x", status=410, retry_after_s=1), Outcome.EXPIRED),
        (ApiError("x", status=429, retry_after_s=2), Outcome.TOLD),
        (ApiError("x", status=504, retry_after_s=1), Outcome.TOLD),
        (ApiError("x", status=500), Outcome.REFUSED),
        (ProtocolError("x"), Outcome.REFUSED),
        (Unreachable("x"), Outcome.FAILED),
        (LoginNeeded("x"), Outcome.FAILED),
        (NotFound("x"), Outcome.FAILED),
    ],
)
def test_errors_have_their_outcome(error: KfwdError, outcome: Outcome) -> None:
    assert outcome_of(error) is outcome
