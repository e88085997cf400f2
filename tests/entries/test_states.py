"""The table of states: what is known decides, and one problem is shown."""

from __future__ import annotations

from typing import Any

import pytest

from kfwd.entries.states import Facts, PortFacts, Verdict, judge
from kfwd.model import Problem, Severity, State


def trouble(code: str, severity: Severity = "error") -> Problem:
    return Problem(code=code, severity=severity, text=code)


GOOD = {"bound": True, "usable": True, "ready": True, "proven": True}


def one(port: dict[str, Any], **facts: Any) -> Facts:
    return Facts(ports=(PortFacts(**port),), **{"synced": True, **facts})


BUSY = trouble("port-in-use")
DEAD = trouble("unreachable")
LOGIN = trouble("login-needed")
DENIED = trouble("forbidden")
EMPTY = trouble("no-endpoints")
NO_PORT = trouble("no-such-port")
REFUSED = trouble("port-refused")
NO_UPGRADE = trouble("upgrade-failed")
POLLING = trouble("watch-forbidden", "warning")
LAST_RESORT = trouble("no-ready-endpoint", "warning")
UNPROVEN = {**GOOD, "proven": False}


@pytest.mark.parametrize(
    ("facts", "state", "problem"),
    [
        (one(GOOD, stopping=True, paused=True), "stopping", None),
        (one(GOOD, paused=True), "paused", None),
        (one({}), "starting", None),
        (one({"bind": BUSY}), "waiting", BUSY),
        (one({"bind": trouble("port-privileged")}), "failed", trouble("port-privileged")),
        (one({"bind": BUSY}, context=DEAD), "waiting", BUSY),
        (one({"bound": True}, config=trouble("unknown-context")), "failed", "unknown-context"),
        (one({"bound": True}, synced=False), "starting", None),
        (one({"bound": True}, synced=False, watch=DENIED), "failed", DENIED),
        (one({"bound": True}, synced=False, watch=DEAD), "waiting", DEAD),
        (one({"bound": True}, context=DEAD), "waiting", DEAD),
        (one({"bound": True}, context=LOGIN), "failed", LOGIN),
        (one(GOOD, context=LOGIN), "degraded", LOGIN),
        (one(GOOD, context=DEAD), "degraded", DEAD),
        (one({"bound": True, "resolution": EMPTY}), "waiting", EMPTY),
        (one({"bound": True}), "waiting", None),
        (one({"bound": True, "resolution": NO_PORT}), "failed", NO_PORT),
        (one({**GOOD, "ready": False, "resolution": LAST_RESORT}), "degraded", LAST_RESORT),
        (one({**GOOD, "trouble": REFUSED}), "degraded", REFUSED),
        (one({**UNPROVEN, "trouble": REFUSED}), "degraded", REFUSED),
        (one({**UNPROVEN, "trouble": DENIED}), "failed", DENIED),
        (one({**UNPROVEN, "trouble": NO_UPGRADE}), "waiting", NO_UPGRADE),
        (one(UNPROVEN), "starting", None),
        (one(GOOD, watch=DEAD), "degraded", DEAD),
        (one(GOOD, watch=POLLING), "ready", POLLING),
        (one(GOOD), "ready", None),
    ],
)
def test_facts_decide_the_state_and_the_problem(
    facts: Facts, state: str, problem: Problem | str | None
) -> None:
    verdict = judge(facts)
    shown = verdict.problem and verdict.problem.code
    expected = problem.code if isinstance(problem, Problem) else problem
    assert (verdict.state, shown) == (state, expected)


@pytest.mark.parametrize(
    ("first", "second", "state", "problem"),
    [
        (GOOD, GOOD, "ready", None),
        (GOOD, {"bind": BUSY}, "degraded", BUSY),
        ({"bind": BUSY}, GOOD, "degraded", BUSY),
        (GOOD, {"bound": True, "resolution": NO_PORT}, "degraded", NO_PORT),
        (GOOD, UNPROVEN, "starting", None),
        ({"bind": BUSY}, {"bound": True, "resolution": NO_PORT}, "failed", NO_PORT),
        ({**GOOD, "trouble": REFUSED}, {"bound": True, "resolution": EMPTY}, "degraded", EMPTY),
    ],
)
def test_a_port_that_serves_beside_one_that_does_not_is_degraded(
    first: dict[str, Any], second: dict[str, Any], state: State, problem: Problem | None
) -> None:
    facts = Facts(ports=(PortFacts(**first), PortFacts(**second)), synced=True)
    assert judge(facts) == Verdict(state, problem)
