"""The parts of an entry agree with its state, and each is told apart from the others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kfwd.entries.parts import kept, parts
from kfwd.entries.states import Facts, Fault, PortFacts, Seen, judge
from kfwd.model import Problem, Severity, State
from tests.front.rig import endpoint

GOOD = PortFacts(
    bound=True,
    usable=True,
    ready=True,
    proven=True,
    seen=Seen(
        name="http", listen=("127.0.0.1:8080",), places=(endpoint("web-1"),), transport="spdy"
    ),
)
ANSWERED: dict[str, Any] = {"looked": True, "server": "api:6443", "latency_ms": 3.0}


def fault(code: str, severity: Severity = "error") -> Fault:
    return Fault(Problem(code=code, severity=severity, text=f"it is {code}", hint="mend it"))


def told(facts: Facts) -> dict[str, str]:
    return {part.part: part.state for part in parts(facts)}


def test_all_is_well() -> None:
    seen = replace(GOOD.seen, answers=True, ping_s=0.0123)
    found = {
        part.part: part for part in parts(Facts(ports=(replace(GOOD, seen=seen),), **ANSWERED))
    }
    assert {part.state for part in found.values()} == {"ok"}
    assert found["listener"].text == "listens on 127.0.0.1:8080"
    assert (found["context"].text, found["context"].latency_ms) == ("api:6443 answers", 3.0)
    assert found["pod"].text == "ready: web-1:80"
    assert (found["session"].text, found["session"].latency_ms) == (
        "up over spdy, or the last one was good",
        12.3,
    )
    assert found["backend"].text == "a process took the last connection"


@pytest.mark.parametrize(
    ("port", "facts", "part", "state"),
    [
        ({"bound": False, "bind": fault("port-in-use")}, {}, "listener", "broken"),
        ({"bound": False}, {}, "listener", "unknown"),
        ({}, {"context": fault("dns-failed")}, "context", "broken"),
        ({}, {"server": None}, "context", "unknown"),
        ({}, {"config": fault("bad-target")}, "pod", "broken"),
        ({"usable": False, "resolution": fault("no-endpoints")}, {}, "pod", "broken"),
        ({"usable": False}, {"watch": fault("forbidden")}, "pod", "broken"),
        ({"ready": False, "resolution": fault("terminating", "warning")}, {}, "pod", "warning"),
        ({}, {"looked": False}, "pod", "unknown"),
        ({"proven": False, "session": fault("upgrade-failed")}, {}, "session", "broken"),
        ({"way": fault("direct-unreachable", "warning")}, {}, "session", "warning"),
        ({"proven": False}, {}, "session", "unknown"),
        ({"backend": fault("port-refused")}, {}, "backend", "broken"),
    ],
)
def test_what_is_wrong_is_told_where_it_is(
    port: dict[str, Any], facts: dict[str, Any], part: str, state: str
) -> None:
    known = Facts(ports=(replace(GOOD, **port),), **{**ANSWERED, **facts})
    by_part = {each.part: each for each in parts(known)}
    assert by_part[part].state == state  # type: ignore[index]  # one of the names
    others = {each.state for name, each in by_part.items() if name != part}
    assert others <= {"ok", "unknown"}


def test_while_the_api_server_is_away_nobody_pretends_to_know_the_pod() -> None:
    away = Facts(ports=(GOOD,), context=fault("connect-failed"), looked=True)
    assert told(away) == {
        "listener": "ok",
        "context": "broken",
        "pod": "unknown",
        "session": "ok",
        "backend": "unknown",
    }


@pytest.mark.parametrize("by", ["direct", "api-proxy", "api", "cluster"])
def test_what_is_not_needed_is_unused(by: Any) -> None:
    known = Facts(ports=(replace(GOOD, seen=replace(GOOD.seen, by=by)),), **ANSWERED)
    assert told(known)["session"] == "unused"
    assert (told(known)["pod"] == "unused") is (by == "api")
    assert (told(known)["backend"] == "ok") is (by == "api")


def test_a_paused_entry_uses_nothing() -> None:
    assert set(told(Facts(ports=(GOOD,), paused=True)).values()) == {"unused"}


def test_of_several_ports_the_worst_is_told_by_name() -> None:
    bad = replace(
        GOOD, backend=fault("port-refused"), seen=replace(GOOD.seen, name="admin", places=())
    )
    *_, backend = parts(Facts(ports=(GOOD, bad), **ANSWERED))
    assert (backend.state, backend.text) == ("broken", "port admin: it is port-refused")
    alike = parts(Facts(ports=(GOOD, replace(GOOD, seen=replace(GOOD.seen, listen=("[::1]:1",))))))
    assert alike[0].text == "listens on 127.0.0.1:8080; listens on [::1]:1"


def test_of_several_ports_that_are_as_bad_the_entrys_problem_is_told() -> None:
    late = replace(GOOD, usable=False, proven=False, resolution=fault("no-endpoints"))
    wrong = Fault(fault("no-such-port").problem, heals=False)
    bad = replace(late, resolution=wrong, seen=replace(GOOD.seen, name="admin"))
    facts = Facts(ports=(late, bad), **ANSWERED)
    _, _, pod, *_ = parts(facts)
    assert judge(facts).problem == wrong.problem
    assert (pod.state, pod.code) == ("broken", "no-such-port")


def test_a_part_that_says_the_same_keeps_its_time() -> None:
    then = datetime(2000, 1, 1, tzinfo=UTC)
    old = tuple(replace(part, since=then) for part in parts(Facts(ports=(GOOD,), **ANSWERED)))
    busy = replace(GOOD, backend=fault("port-refused"))
    new = kept(old, parts(Facts(ports=(busy,), **ANSWERED)))
    assert [part.since == then for part in new] == [True, True, True, True, False]


def possible(port: PortFacts) -> PortFacts:
    """The like of it that there is: an address that answers is all it takes; no pod, no session."""
    if port.seen.by == "direct":
        return replace(port, usable=True, ready=True, proven=True, session=None)
    return port if port.usable else replace(port, proven=False, session=None)


FAULTS = st.sampled_from([None, fault("a"), fault("b", "warning")])
PORTS = st.builds(
    PortFacts,
    bound=st.booleans(),
    bind=FAULTS,
    resolution=FAULTS,
    way=FAULTS,
    usable=st.booleans(),
    ready=st.booleans(),
    proven=st.booleans(),
    session=FAULTS,
    backend=FAULTS,
    seen=st.builds(
        Seen, by=st.sampled_from(["tunnel", "direct"]), answers=st.booleans(), name=st.just("http")
    ),
).map(possible)


@given(
    st.builds(
        Facts,
        ports=st.lists(PORTS, min_size=1, max_size=3).map(tuple),
        config=FAULTS,
        context=FAULTS,
        looked=st.booleans(),
        watch=FAULTS,
    )
)
def test_a_state_that_is_not_good_is_told_by_a_part_that_is_not_either(facts: Facts) -> None:
    verdict = judge(facts)
    if verdict.state in (State.WAITING, State.FAILED):
        assert verdict.problem is not None
    if verdict.problem is not None:
        wrong = [part for part in parts(facts) if part.state in ("broken", "warning")]
        assert verdict.problem.code in {part.code for part in wrong}
