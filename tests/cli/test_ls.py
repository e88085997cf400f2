"""The list of entries."""

from __future__ import annotations

import json

import msgspec

from kfwd.cli import ls
from kfwd.model import (
    EndpointView,
    EntryChanged,
    PortView,
    Problem,
    ProblemView,
    SnapshotEvent,
    State,
)
from tests.cli.conftest import Run
from tests.standin import StandIn, entry, snapshot

PODS = tuple(EndpointView(pod=f"web-{n}", address=None, ready=True, open=0) for n in range(3))
PROBLEM = Problem(code="no-endpoints", severity="error", text="svc/web has no pods")


def test_json_has_the_documented_shape(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry("dev/web", endpoints=PODS[:1])))
    found = json.loads(run("ls", "-o", "json").out)
    assert (found["instance"], found["seq"]) == ("6f1c", 41)
    (row,) = found["entries"]
    row.pop("since")
    assert row == {
        "id": "dev/web",
        "kind": "forward",
        "name": "web",
        "profile": "dev",
        "context": "kind",
        "namespace": "shop",
        "target": "svc/web",
        "ports": [{"listen": ["127.0.0.1:8080", "[::1]:8080"], "remote": "http", "port": 80}],
        "state": "ready",
        "problem": None,
        "via": "tunnel",
        "transport": "spdy",
        "endpoints": [{"pod": "web-0", "address": None, "ready": True, "open": 0}],
        "connections": {"open": 0, "waiting": 0, "total": 0, "failed": 0},
        "bytes": {"in": 0, "out": 0},
        "reconnects": 0,
    }


def test_the_table_has_a_row_for_each_port(run: Run, daemon: StandIn) -> None:
    ports = (
        PortView(listen=("127.0.0.1:8080", "[::1]:8080"), remote="http", port=80),
        PortView(listen=("127.0.0.1:9000",), remote="9000", port=9000),
    )
    daemon.on("GET /v1/snapshot", snapshot(entry("dev/web", ports=ports, endpoints=PODS)))
    assert run("ls").lines == [
        "ENTRY     TARGET    LOCAL            REMOTE   STATE   POD",
        "dev/web   svc/web   localhost:8080   http     ready   web-0 +2",
        "                    127.0.0.1:9000   9000",
    ]


def test_a_problem_is_said_behind_its_entry(run: Run, daemon: StandIn) -> None:
    waiting = entry("dev/web", state=State.WAITING, problem=PROBLEM)
    daemon.on("GET /v1/snapshot", snapshot(waiting, entry("dev/db")))
    lines = run("ls").lines
    assert lines[0].endswith("PROBLEM")
    assert "waiting: no-endpoints" in lines[1]
    assert lines[1].endswith("svc/web has no pods")


def test_what_is_worth_knowing_about_a_context_is_said_below(run: Run, daemon: StandIn) -> None:
    known = msgspec.structs.replace(
        snapshot(entry("dev/web")),
        problems=(
            ProblemView(about="kind", code="x", severity="info", text="over websocket, since ..."),
            ProblemView(about="other", code="x", severity="info", text="of nobody here"),
            ProblemView(about="dev/web", code="x", severity="error", text="behind the entry"),
        ),
    )
    daemon.on("GET /v1/snapshot", known)
    assert run("ls").lines[2:] == ["", "kind: over websocket, since ..."]


def test_wide_tells_more(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry("dev/web")))
    heading, row = run("ls", "-o", "wide").lines
    assert heading.split()[6:] == ls.WIDE
    assert row.split()[6:9] == ["kind", "shop", "tunnel/spdy"]


def test_no_entries_say_how_to_get_some(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot())
    assert run("ls").out == "no entries: kfwd up, or kfwd add svc/NAME 8080:http\n"


def test_the_state_is_coloured_only_on_request() -> None:
    now = snapshot(entry("dev/web"))
    assert "\x1b" not in ls.shown(now, "table", colour=False)
    assert "\x1b[32mready\x1b[0m" in ls.shown(now, "table", colour=True)


def test_control_characters_of_the_cluster_do_not_reach_the_terminal() -> None:
    bad = Problem(code="x", severity="error", text="a\x1b[2Jb\nc")
    now = snapshot(entry("dev/web", state=State.WAITING, problem=bad))
    assert "a [2Jb c" in ls.shown(now, "table", colour=False)


def test_watching_shows_each_change_once_over_cuts(run: Run, daemon: StandIn) -> None:
    first = snapshot(entry("dev/web"))
    waiting = EntryChanged(seq=42, entry=entry("dev/web", state=State.WAITING))
    daemon.on("GET /v1/snapshot", first)
    daemon.on_lines("GET /v1/events", SnapshotEvent(seq=41, snapshot=first), waiting)

    daemon.on_raw("GET /v1/events", daemon.reply(b'{"error":{"code":"x","text":"end"}}', 500))
    result = run("ls", "-o", "json", "--watch")
    states = [json.loads(line)["entries"][0]["state"] for line in result.lines]
    assert states == ["ready", "waiting"]
    assert result.err == "kfwd: end\n"
