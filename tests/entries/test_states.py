"""The table of states: what is known decides, and one problem is shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from kfwd.entries.states import Facts, Fault, PortFacts, Verdict, fault_of, judge, kept
from kfwd.errors import (
    ConfigError,
    Forbidden,
    KfwdError,
    LoginNeeded,
    NotFound,
    Unreachable,
    UpgradeFailed,
    UsageError,
)
from kfwd.model import Problem, Severity, State


def fault(code: str, *, heals: bool = True, severity: Severity = "error") -> Fault:
    return Fault(Problem(code=code, severity=severity, text=code), heals=heals)


GOOD = {"bound": True, "usable": True, "ready": True, "proven": True}


def one(port: dict[str, Any], **facts: Any) -> Facts:
    return Facts(ports=(PortFacts(**port),), **{"looked": True, **facts})


BUSY = fault("port-in-use")
PRIVILEGED = fault("port-privileged", heals=False)
BAD_TARGET = fault("unknown-kind", heals=False)
DEAD = fault("unreachable")
LOGIN = msgspec.structs.replace(fault("login-needed"), bars=True)
DENIED = fault("portforward-forbidden", heals=False)
UNREADABLE = fault("forbidden", heals=False)
EMPTY = fault("no-endpoints")
NO_PORT = fault("no-such-port", heals=False)
REFUSED = fault("port-refused")
NO_UPGRADE = fault("upgrade-failed")
POLLING = fault("forbidden", heals=False, severity="warning")
LAST_RESORT = fault("terminating", severity="warning")
UNPROVEN = {**GOOD, "proven": False}


@pytest.mark.parametrize(
    ("facts", "state", "shown"),
    [
        (one(GOOD, paused=True), "paused", None),
        (one({}), "starting", None),
        (one({"bind": BUSY}), "waiting", BUSY),
        (one({"bind": PRIVILEGED}), "failed", PRIVILEGED),
        (one({"bind": BUSY}, context=DEAD), "waiting", BUSY),
        (one({"bound": True}, config=BAD_TARGET, context=DEAD), "failed", BAD_TARGET),
        (one({"bound": True}, looked=False), "starting", None),
        (one({"bound": True}, looked=False, context=DEAD), "waiting", DEAD),
        (one({"bound": True}, context=LOGIN), "waiting", LOGIN),
        (one(GOOD, context=LOGIN), "waiting", LOGIN),
        (one(GOOD, context=DEAD), "degraded", DEAD),
        (one(UNPROVEN, context=DEAD), "waiting", DEAD),
        (one({"bound": True, "resolution": EMPTY}), "waiting", EMPTY),
        (one({"bound": True, "resolution": EMPTY}, watch=POLLING), "waiting", EMPTY),
        (one({"bound": True}, watch=UNREADABLE), "failed", UNREADABLE),
        (one({"bound": True}), "starting", None),
        (one({"bound": True, "resolution": NO_PORT}), "failed", NO_PORT),
        (one({**GOOD, "ready": False, "resolution": LAST_RESORT}), "degraded", LAST_RESORT),
        (one({**GOOD, "backend": REFUSED}), "degraded", REFUSED),
        (one({**UNPROVEN, "backend": REFUSED}), "degraded", REFUSED),
        (one({**UNPROVEN, "session": DENIED}), "failed", DENIED),
        (one({**UNPROVEN, "session": NO_UPGRADE}), "waiting", NO_UPGRADE),
        (one(UNPROVEN), "starting", None),
        (one(GOOD, watch=POLLING), "ready", POLLING),
        (one(GOOD), "ready", None),
    ],
)
def test_facts_decide_the_state_and_the_problem(
    facts: Facts, state: State, shown: Fault | None
) -> None:
    assert judge(facts) == Verdict(state, shown and shown.problem)


@pytest.mark.parametrize(
    ("first", "second", "state", "shown"),
    [
        (GOOD, GOOD, "ready", None),
        (GOOD, {"bind": BUSY}, "degraded", BUSY),
        ({"bind": BUSY}, GOOD, "degraded", BUSY),
        (GOOD, {"bound": True, "resolution": NO_PORT}, "degraded", NO_PORT),
        (GOOD, UNPROVEN, "starting", None),
        ({"bind": BUSY}, {"bound": True, "resolution": NO_PORT}, "failed", NO_PORT),
        ({**GOOD, "backend": REFUSED}, {"bound": True, "resolution": EMPTY}, "degraded", EMPTY),
    ],
)
def test_a_port_that_serves_beside_one_that_does_not_is_degraded(
    first: dict[str, Any], second: dict[str, Any], state: State, shown: Fault | None
) -> None:
    facts = Facts(ports=(PortFacts(**first), PortFacts(**second)), looked=True)
    assert judge(facts) == Verdict(state, shown and shown.problem)


@pytest.mark.parametrize(
    ("error", "heals"),
    [
        (Unreachable("no route"), True),
        (UpgradeFailed("502", status=502), True),
        (NotFound("gone"), True),
        (Forbidden("no"), False),
        (LoginNeeded("expired"), True),
        (ConfigError("no such context"), False),
        (UsageError("no such kind"), False),
    ],
)
def test_the_type_of_an_error_says_whether_a_person_must_act(error: KfwdError, heals: bool) -> None:
    fault = fault_of(error, cause="dev")
    assert fault.heals is heals
    assert (fault.problem.text, fault.problem.cause) == (error.text, "dev")


def test_a_problem_that_goes_on_keeps_the_time_it_was_noticed() -> None:
    old = Problem(code="odd", severity="error", text="odd", since=datetime(2026, 1, 1, tzinfo=UTC))
    again = Problem(code="odd", severity="error", text="odd")
    other = Problem(code="odd", severity="error", text="odder")
    assert kept(old, again) is old
    assert kept(old, other) is other
    assert kept(old, None) is kept(None, None) is None


def test_a_session_that_all_pods_refuse_alike_has_their_context_as_its_cause() -> None:
    common = msgspec.structs.replace(NO_UPGRADE.problem, cause="dev")
    found = judge(one({**UNPROVEN, "session": NO_UPGRADE}, refused=common))
    assert (found.state, found.problem) == (State.WAITING, common)
    other = judge(one({**UNPROVEN, "session": EMPTY}, refused=common))
    assert other.problem == EMPTY.problem
