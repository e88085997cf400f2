"""The daemon, contexts and problems."""

from __future__ import annotations

import json
import re
from datetime import timedelta

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
    login_expires=utcnow() + timedelta(hours=2, seconds=30),
)
PROBLEM = ProblemView(
    about="kind", code="login-needed", severity="error", text="log in", hint="kfwd login kind"
)


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
        *("kind", "https://127.0.0.1:6443", "login-needed", "12", "ms", "spdy", "in", "2h0m")
    ]
    assert lines[6:] == ["error: kind: log in (login-needed)", "  hint: kfwd login kind"]


def test_a_login_that_has_ended_is_not_shown_as_time_left() -> None:
    now = utcnow()
    assert left(now + timedelta(minutes=5, seconds=1), now) == "in 5m"
    assert left(now, now) == "expired"


def test_no_problems_are_said_too(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot())
    assert run("status").lines[1:] == ["0 entries", "", "no problems"]
