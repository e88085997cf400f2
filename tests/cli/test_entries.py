"""Entries by name."""

from __future__ import annotations

import pytest

from kfwd.errors import ExitCode
from tests.cli.conftest import Run
from tests.standin import StandIn, entry, snapshot


@pytest.mark.parametrize(
    ("command", "call", "done"),
    [
        ("rm", "DELETE /v1/entries/dev/web", "removed"),
        ("pause", "POST /v1/entries/dev/web/pause", "paused"),
        ("resume", "POST /v1/entries/dev/web/resume", "resumed"),
        ("restart", "POST /v1/entries/dev/web/restart", "restarted"),
    ],
)
def test_each_command_makes_one_call(
    run: Run, daemon: StandIn, command: str, call: str, done: str
) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry("dev/web")))
    daemon.on(call, {"id": "dev/web"})
    assert run(command, "web").out == f"dev/web {done}\n"
    asked = daemon.requests[-1]
    assert f"{asked.method} {asked.target}" == call


def test_nothing_is_done_when_one_of_the_names_is_unknown(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry("dev/web")))
    result = run("pause", "web", "wbe")
    assert result.code == ExitCode.NOT_FOUND
    assert result.err == 'kfwd: no entry "wbe"\nhint: did you mean web?\n'
    assert len(daemon.requests) == 1


def test_what_the_daemon_refuses_is_said_in_its_words(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry("dev/web")))
    daemon.fail(
        "DELETE /v1/entries/dev/web",
        409,
        code="usage",
        text="dev/web comes from a file",
        exit_code=2,
    )
    result = run("rm", "web")
    assert (result.code, result.err) == (2, "kfwd: dev/web comes from a file\n")
