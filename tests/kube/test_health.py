from __future__ import annotations

import pytest

from kfwd.errors import (
    ApiError,
    ConfigError,
    Forbidden,
    KfwdError,
    LoginNeeded,
    NotFound,
    SessionLost,
    Unreachable,
    UpgradeFailed,
)
from kfwd.kube.answers import NOT_KUBERNETES
from kfwd.kube.health import Health, after, verdict
from kfwd.model import ContextState

OK, AWAY = ContextState.OK, ContextState.UNREACHABLE
LOGIN, FORBIDDEN = ContextState.LOGIN_NEEDED, ContextState.FORBIDDEN


@pytest.mark.parametrize(
    ("error", "request_says", "check_says"),
    [
        (None, OK, OK),
        (Unreachable("x"), AWAY, AWAY),
        (LoginNeeded("x"), LOGIN, LOGIN),
        (ConfigError("x"), LOGIN, LOGIN),
        (Forbidden("x"), None, FORBIDDEN),
        (NotFound("x"), OK, OK),
        (ApiError("x", status=409), OK, OK),
        (ApiError("x", status=429), OK, OK),
        (ApiError("x", status=500), None, AWAY),
        (ApiError("x", status=200, code=NOT_KUBERNETES), None, AWAY),
        (UpgradeFailed("x", status=0), None, AWAY),
        (UpgradeFailed("x", status=400), OK, OK),
        (SessionLost("x"), None, None),
    ],
)
def test_what_an_outcome_proves(
    error: KfwdError | None, request_says: ContextState | None, check_says: ContextState | None
) -> None:
    assert verdict(error) is request_says
    assert verdict(error, check=True) is check_says


def test_a_dead_context_is_one_problem_that_stands_since_it_began() -> None:
    first = after(Health(), Unreachable("no route", code="connect-failed", hint="VPN?"), None)
    assert first.state is AWAY
    assert first.problem is not None
    assert (first.problem.code, first.problem.text) == ("connect-failed", "no route")
    assert (first.problem.severity, first.problem.hint) == ("error", "VPN?")
    same = after(first, Unreachable("no route", code="connect-failed", hint="VPN?"), None)
    assert same is first


def test_another_reason_is_another_problem() -> None:
    first = after(Health(), Unreachable("no route"), None)
    second = after(first, LoginNeeded("token expired"), None)
    assert second.state is LOGIN
    assert second.problem is not None
    assert second.problem.text == "token expired"


def test_an_answer_ends_the_problem() -> None:
    away = after(Health(), Unreachable("no route"), None)
    assert after(away, None, 0.02) == Health(state=OK, latency_ms=20.0)


def test_what_proves_nothing_changes_nothing() -> None:
    away = after(Health(), Unreachable("no route"), None)
    assert after(away, ApiError("x", status=500), None) is away


def test_a_403_for_the_check_matters_only_where_nothing_is_allowed() -> None:
    fine = Health(state=OK, latency_ms=5.0)
    assert after(fine, Forbidden("no version for you"), None, check=True) is fine
    nothing = after(Health(), Forbidden("no version for you"), None, check=True)
    assert nothing.state is FORBIDDEN
    assert nothing.problem is not None
    assert after(nothing, None, None).state is OK


@pytest.mark.parametrize(
    ("old", "latency_s", "new"),
    [
        (None, 0.01, 10.0),
        (100.0, 0.11, 100.0),
        (100.0, 0.13, 130.0),
        (100.0, 0.07, 70.0),
        (1.0, 0.0059, 1.0),
        (1.0, 0.0061, 6.1),
        (100.0, None, 100.0),
    ],
)
def test_the_latency_follows_what_is_worth_telling(
    old: float | None, latency_s: float | None, new: float
) -> None:
    before = Health(state=OK, latency_ms=old)
    now = after(before, None, latency_s)
    assert now.latency_ms == new
    assert (now is before) == (new == old)


def test_the_latency_is_kept_while_the_context_is_away() -> None:
    fine = Health(state=OK, latency_ms=5.0)
    assert after(fine, Unreachable("x"), None).latency_ms == 5.0
