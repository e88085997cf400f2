"""The daemon's log."""

from __future__ import annotations

import json
from pathlib import Path

from kfwd.errors import ExitCode
from tests.cli.conftest import Run
from tests.standin import StandIn, entry, snapshot


def line(text: str, **more: str) -> dict[str, str]:
    known = {"time": "2026-01-01T12:00:00Z", "level": "info", "logger": "kfwd.daemon"}
    return known | {"text": text} | more


def test_lines_say_when_what_and_about_which_entry(run: Run, daemon: StandIn) -> None:
    daemon.on_lines("GET /v1/logs", line("up"), line("a\x1bb", level="error", entry="dev/web"))
    first, second = run("logs").lines
    assert first.split(maxsplit=1)[1] == "info    daemon: up"
    assert second.split(maxsplit=1)[1] == "error   dev/web: a b"


def test_a_name_asks_for_its_entry_only(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry("dev/web")))
    daemon.on_lines("GET /v1/logs", line("ready", entry="dev/web"))
    found = run("logs", "web", "-n", "3", "-f", "-o", "json").out
    assert json.loads(found)["entry"] == "dev/web"
    assert daemon.requests[-1].target == "/v1/logs?n=3&entry=dev%2Fweb&follow=1"


def test_without_a_daemon_the_end_of_its_file_is_shown(run: Run, home: Path) -> None:
    (home / "log").mkdir()
    texts = [line(f"line {n}", entry="dev/web" if n % 2 else "dev/db") for n in range(6)]
    data = "".join(json.dumps(text) + "\n" for text in texts) + '{"cut off'
    (home / "log" / "kfwd.log").write_text(data)
    result = run("logs", "web", "-n", "2")
    assert [text.rpartition(" ")[2] for text in result.lines] == ["3", "5"]
    assert "no daemon answers" in result.err
    assert run("logs", "-f").code == ExitCode.NO_DAEMON


SEEN = {
    "time": "2026-01-01T12:00:00Z",
    "method": "GET",
    "path": "/a\x1b",
    "status": 200,
    "duration_ms": 3.14,
    "bytes": {"in": 812, "out": 2},
    "pod": "web-1",
}
REQUESTS = "GET /v1/entries/dev/web/requests"


def test_requests_are_a_line_each(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry("dev/web")))
    daemon.on_lines(REQUESTS, SEEN, {**SEEN, "status": 0, "pod": None})
    first, second = run("logs", "web", "--requests").lines
    assert first.split(maxsplit=1)[1] == "GET    200      3.1 ms     812 B web-1 /a"
    assert second.split(maxsplit=1)[1] == "GET      -      3.1 ms     812 B /a"
    assert json.loads(run("logs", "web", "--requests", "-n", "1", "-o", "json").out)["status"] == 0


def test_requests_can_be_followed_and_none_comes_twice(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry("dev/web")))
    daemon.on_lines(REQUESTS, SEEN)
    daemon.on_lines(REQUESTS, SEEN, {**SEEN, "path": "/b"})
    found = run("logs", "web", "--requests", "-f", "-o", "json").lines
    assert [json.loads(line)["path"] for line in found] == ["/a\x1b", "/b"]
    assert daemon.requests[-1].target == "/v1/entries/dev/web/requests?follow=1"


def test_requests_before_the_last_ones_do_not_come_with_those_that_follow(
    run: Run, daemon: StandIn
) -> None:
    first, second, third = ({**SEEN, "path": path} for path in ("/a", "/b", "/c"))
    daemon.on("GET /v1/snapshot", snapshot(entry("dev/web")))
    daemon.on_lines(REQUESTS, first, second)
    daemon.on_lines(REQUESTS, first, second, third)
    found = run("logs", "web", "--requests", "-n", "1", "-f", "-o", "json").lines
    assert [json.loads(line)["path"] for line in found] == ["/b", "/c"]


def test_requests_are_those_of_an_entry(run: Run, daemon: StandIn) -> None:
    assert run("logs", "--requests").code == ExitCode.USAGE
