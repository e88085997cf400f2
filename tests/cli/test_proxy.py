"""`kfwd proxy` in place of `kubectl proxy`."""

from __future__ import annotations

import signal
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from kfwd.api_model import AttachListening, AttachState
from kfwd.cli import attached
from kfwd.errors import ExitCode
from kfwd.model import PortView, Problem, State
from tests.cli.conftest import Run
from tests.standin import Request, StandIn, entry, snapshot

LISTENING = AttachListening(listen=("127.0.0.1:8001",), remote=None)
PERSON = threading.main_thread().ident or 0
PUT = "PUT /v1/entries/-/proxy"


@pytest.fixture
def served(daemon: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    monkeypatch.setattr(attached, "RETRY_S", 0.001)
    ports = (PortView(listen=("127.0.0.1:41234",), remote=None, port=None),)
    daemon.on("GET /v1/snapshot", snapshot(entry("-/proxy", kind="proxy", ports=ports)))
    return daemon


def streams(server: StandIn, *events: Any) -> None:
    """Take the entry, show these events and hang up."""
    server.on(PUT, {"id": "-/proxy"})
    server.on_lines("GET /v1/entries/-/proxy/attach", *events)


def then_ctrl_c(server: StandIn) -> None:
    """The next time the entry is put, a person presses Ctrl-C."""

    def interrupt(request: Request, connection: socket.socket) -> None:
        del request
        signal.pthread_kill(PERSON, signal.SIGINT)
        connection.recv(1)

    server.on_raw(PUT, interrupt)


def put(server: StandIn, index: int = 0) -> Any:
    return [request for request in server.requests if request.method == "PUT"][index].json


def test_it_prints_kubectl_s_line_and_has_its_status_on_ctrl_c(run: Run, served: StandIn) -> None:
    streams(served, AttachState(state=State.STARTING), LISTENING, LISTENING)
    then_ctrl_c(served)
    result = run("proxy")
    assert (result.code, result.out) == (130, "Starting to serve on 127.0.0.1:8001\n")
    asked = put(served)
    assert (asked["attached"], asked["spec"]["kind"]) == (True, "proxy")


def test_every_flag_is_passed_on(run: Run, served: StandIn, tmp_path: Path) -> None:
    streams(served, LISTENING)
    then_ctrl_c(served)
    run(
        *("proxy", "-p", "0", "--address=0.0.0.0", "--api-prefix=/k", "--append-server-path"),
        *("--accept-hosts=^a$", "--accept-paths=^/b", "--reject-paths=^/c", "--keepalive=1m30s"),
        *("--reject-methods=POST", "--disable-filter=true", "-w", str(tmp_path), "-P", "/w/"),
        *("--allow-users", "ann,1001", "--requests", "--context=kind"),
    )
    spec = put(served)["spec"]
    assert (spec["port"], spec["address"]) == (0, ["0.0.0.0"])
    assert (spec["allow_users"], spec["requests"]) == (["ann", "1001"], True)
    assert spec["flags"] == {
        "accept_hosts": "^a$",
        "accept_paths": "^/b",
        "reject_paths": "^/c",
        "reject_methods": "POST",
        "disable_filter": True,
        "api_prefix": "/k",
        "append_server_path": True,
        "www": str(tmp_path),
        "www_prefix": "/w/",
        "keepalive_s": 90.0,
    }
    assert put(served)["context"] == "kind"


def test_the_defaults_are_kubectl_s(run: Run, served: StandIn) -> None:
    streams(served, LISTENING)
    then_ctrl_c(served)
    run("proxy")
    spec = put(served)["spec"]
    assert (spec["port"], spec["address"], spec["target"]) == (8001, ["127.0.0.1"], None)
    assert spec["flags"]["reject_paths"] == "^/api/.*/pods/.*/exec,^/api/.*/pods/.*/attach"
    assert spec["flags"]["www"] is None


def test_a_unix_socket(run: Run, served: StandIn, tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    streams(served, AttachListening(listen=(f"unix:{path}",), remote=None))
    then_ctrl_c(served)
    assert run("proxy", "-u", str(path)).out == f"Starting to serve on {path}\n"
    assert put(served)["spec"]["address"] == [f"unix:{path}"]


def test_it_warns_where_nothing_is_filtered_and_other_programs_may_connect(
    run: Run, served: StandIn, tmp_path: Path
) -> None:
    streams(served, LISTENING)
    then_ctrl_c(served)
    assert "kfwd: the filter is off" in run("proxy", "--disable-filter").err
    streams(served, AttachListening(listen=("unix:/x",), remote=None))
    then_ctrl_c(served)
    assert "the filter" not in run("proxy", "--disable-filter", "-u", str(tmp_path / "x")).err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--port=1", "-u", "/x"), "cannot set --unix-socket and --port at the same time"),
        (("-w", "/no/such/folder"), "--www: /no/such/folder is no folder"),
        (("--keepalive", "soon"), '--keepalive: "soon" is no duration such as 30s'),
        (("--port", "x"), "'x' is not a valid integer"),
        (("svc/web",), "unexpected extra argument"),
    ],
)
def test_what_cannot_be_is_refused_with_kubectl_s_status(
    run: Run, served: StandIn, args: tuple[str, ...], said: str
) -> None:
    result = run("proxy", *args)
    assert result.code == ExitCode.FAILED
    assert said in result.err
    assert served.requests == []


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0.0), ("0s", 0.0), ("1.5s", 1.5), ("1m30s", 90.0), ("-1s", -1.0)]
)
def test_durations_as_go_writes_them(text: str, seconds: float) -> None:
    from kfwd.cli.proxy import _duration

    assert _duration(text) == seconds


def test_a_busy_port_ends_it_as_it_ends_kubectl(run: Run, served: StandIn) -> None:
    problem = Problem(code="port-in-use", severity="error", text="port 8001 is in use")
    streams(served, AttachState(state=State.WAITING, problem=problem))
    result = run("proxy")
    assert (result.code, result.err) == (ExitCode.FAILED, "kfwd: port 8001 is in use\n")


def test_a_server_that_is_away_is_waited_for(run: Run, served: StandIn) -> None:
    problem = Problem(code="unreachable", severity="error", text="no route")
    away = AttachState(state=State.WAITING, problem=problem)
    streams(served, away, LISTENING, away, away)
    then_ctrl_c(served)
    result = run("proxy")
    assert result.out == "Starting to serve on 127.0.0.1:8001\n"
    assert result.err == "kfwd: waiting: no route\n"


def test_a_free_port_is_had_again_after_the_daemon_lost_the_entry(
    run: Run, served: StandIn
) -> None:
    free = AttachListening(listen=("127.0.0.1:41234",), remote=None)
    streams(served, free)
    streams(served, free)
    then_ctrl_c(served)
    result = run("proxy", "-p", "0")
    assert result.out == "Starting to serve on 127.0.0.1:41234\n"
    assert [put(served, index)["spec"]["port"] for index in (0, 1)] == [0, 41234]


def test_a_filter_that_cannot_be_read_ends_it_as_it_ends_kubectl(run: Run, served: StandIn) -> None:
    served.fail(PUT, 400, code="bad-regex", text='"([" is none', exit_code=2)
    result = run("proxy", "--accept-paths=([")
    assert (result.code, result.err) == (255, 'kfwd: "([" is none\n')
