"""The daemon, contexts and problems."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from msgspec.structs import replace

from kfwd import __version__
from kfwd.cli.status import left
from kfwd.model import ContextState, ContextView, ProblemView, utcnow
from tests.cli.conftest import Run
from tests.standin import StandIn, entry, snapshot

CONTEXT = ContextView(
    name="kind",
    server="https://127.0.0.1:6443",
    state=ContextState.LOGIN_NEEDED,
    latency_ms=12.34,
    transport="spdy",
    login_expires=utcnow() + timedelta(days=2, minutes=30),  # longer than the tests may take
)
PROBLEM = ProblemView(
    about="kind", code="login-needed", severity="error", text="log in", hint="kfwd login kind"
)


SERVED = {
    "availability": [
        {
            "id": "dev/a",
            "windows": [
                {"hours": 24, "share": 0.75, "counted_s": 40.0},
                {"hours": 720, "share": 1.0, "counted_s": 400.0},
            ],
        },
        {
            "id": "dev/b",
            "windows": [
                {"hours": 24, "share": None, "counted_s": 0},
                {"hours": 720, "share": None, "counted_s": 0},
            ],
        },
    ]
}


@pytest.fixture(autouse=True)
def nothing_served(daemon: StandIn) -> None:
    daemon.on("GET /v1/availability", {"availability": []})


def test_availability_is_a_table_of_what_is_known(run: Run, daemon: StandIn) -> None:
    daemon.answers.pop("GET /v1/availability")
    daemon.on("GET /v1/availability", SERVED)
    daemon.on("GET /v1/snapshot", snapshot(entry("dev/a"), entry("dev/b")))
    table = ["ENTRY   SERVED, LAST 24 H   LAST 30 D", "dev/a   75.00 %             100 %"]
    assert run("status").lines[2:] == ["", *table, "", "no problems"]
    assert run("status", "--availability").lines == table
    assert json.loads(run("status", "--availability", "-o", "json").out) == SERVED


def test_a_daemon_that_knows_no_availability_shows_the_rest(run: Run, daemon: StandIn) -> None:
    daemon.answers.pop("GET /v1/availability")
    daemon.fail("GET /v1/availability", 404, code="unknown-call", text="no such call")
    daemon.on("GET /v1/snapshot", snapshot())
    assert run("status").lines[1:] == ["0 entries", "", "no problems"]


def test_json_has_the_documented_keys(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot(contexts=(CONTEXT,), problems=(PROBLEM,)))
    found = json.loads(run("status", "-o", "json").out)
    assert set(found) == {"daemon", "contexts", "problems"}
    assert set(found["daemon"]) == {"pid", "version", "started", "socket"}
    assert found["contexts"][0]["state"] == "login-needed"
    assert found["problems"][0]["about"] == "kind"


def test_text_names_every_context_and_problem_with_its_hint(run: Run, daemon: StandIn) -> None:
    now = snapshot(entry("dev/a"), entry("dev/b"), contexts=(CONTEXT,), problems=(PROBLEM,))
    daemon.on("GET /v1/snapshot", now)
    lines = run("status").lines
    daemon_line = rf"daemon {re.escape(__version__)}, pid 1, up \d+s, /run/kfwd\.sock"
    assert re.fullmatch(daemon_line, lines[0])
    assert lines[1] == "2 entries: 2 ready"
    assert lines[4].split() == [
        *("kind", "https://127.0.0.1:6443", "login-needed", "12", "ms", "spdy", "in", "2d0h")
    ]
    assert lines[6:] == ["error: kind: log in (login-needed)", "  hint: kfwd login kind"]


def test_a_login_that_has_ended_is_not_shown_as_time_left() -> None:
    now = utcnow()
    assert left(now + timedelta(minutes=5, seconds=1), now) == "in 5m"
    assert left(now, now) == "expired"


def test_a_problem_that_many_have_is_told_once(run: Run, daemon: StandIn) -> None:
    alike = tuple(replace(PROBLEM, about=f"dev/{name}") for name in "abd")
    alike = (*alike, replace(PROBLEM, about="dev/c", also=("dev/e",)))
    other = replace(PROBLEM, about="dev/f", text="another")
    daemon.on("GET /v1/snapshot", snapshot(problems=(*alike, other)))
    told = [line for line in run("status").lines if line.startswith("error")]
    assert told == [
        "error: dev/a, dev/b, dev/d and 2 more: log in (login-needed)",
        "error: dev/f: another (login-needed)",
    ]


def test_no_problems_are_said_too(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot())
    assert run("status").lines[1:] == ["0 entries", "", "no problems"]
