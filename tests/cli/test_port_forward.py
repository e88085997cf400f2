"""`kfwd port-forward` in place of `kubectl port-forward`."""

from __future__ import annotations

import signal
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from kfwd.api_model import AttachConnection, AttachListening, AttachMoved, AttachState
from kfwd.cli import attached as attached_command
from kfwd.cli import port_forward as command
from kfwd.errors import ExitCode
from kfwd.model import ForwardSpec, PortSpec, PortView, Problem, State
from tests.cli.conftest import Run
from tests.standin import Request, StandIn, entry, snapshot

LISTENING = AttachListening(listen=("127.0.0.1:8080", "[::1]:8080"), remote=80)
READY = AttachState(state=State.READY)
WAITING = AttachState(
    state=State.WAITING,
    problem=Problem(code="no-endpoints", severity="error", text="svc/web has no pods"),
)
FORBIDDEN = AttachState(
    state=State.FAILED,
    problem=Problem(code="portforward-forbidden", severity="error", text="you may not"),
)
ATTACH = "GET /v1/entries/-/web/attach"
PERSON = threading.main_thread().ident or 0


@pytest.fixture
def attached(daemon: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    monkeypatch.setattr(attached_command, "RETRY_S", 0.001)
    daemon.on("GET /v1/snapshot", snapshot(entry("-/web")))
    return daemon


def streams(server: StandIn, *events: Any) -> None:
    """Take the entry, show these events and hang up."""
    server.on("PUT /v1/entries/-/web", {"id": "-/web"})
    server.on_lines(ATTACH, *events)


def then_ctrl_c(server: StandIn) -> None:
    """The next time the entry is put, a person presses Ctrl-C."""

    def interrupt(request: Request, connection: socket.socket) -> None:
        del request
        signal.pthread_kill(PERSON, signal.SIGINT)
        connection.recv(1)

    server.on_raw("PUT /v1/entries/-/web", interrupt)


def put(server: StandIn, index: int = 0) -> Any:
    return [request for request in server.requests if request.method == "PUT"][index].json


def test_it_prints_what_kubectl_prints_and_ends_well_on_ctrl_c(run: Run, attached: StandIn) -> None:
    streams(attached, AttachState(state=State.STARTING), LISTENING, AttachConnection(port=8080))
    then_ctrl_c(attached)
    result = run("port-forward", "svc/web", "8080:http")
    assert result.lines == [
        "Forwarding from 127.0.0.1:8080 -> 80",
        "Forwarding from [::1]:8080 -> 80",
        "Handling connection for 8080",
    ]
    assert (result.code, result.err) == (ExitCode.OK, "")


def test_it_attaches_again_to_an_entry_that_a_new_daemon_has(run: Run, attached: StandIn) -> None:
    streams(attached, LISTENING, AttachMoved())
    attached.on_lines(ATTACH, LISTENING, AttachConnection(port=8080))
    then_ctrl_c(attached)
    result = run("port-forward", "svc/web", "8080:http")
    assert result.lines[-1] == "Handling connection for 8080"
    asked = [each.method for each in attached.requests if each.target != "/v1/snapshot"]
    assert asked == ["PUT", "GET", "GET", "PUT"]
    assert result.code == ExitCode.OK


def test_a_new_daemon_that_hangs_up_at_first_is_asked_again(run: Run, attached: StandIn) -> None:
    streams(attached, LISTENING, AttachMoved())
    attached.on_raw(ATTACH, b"")
    attached.on_lines(ATTACH, LISTENING, AttachConnection(port=8080))
    then_ctrl_c(attached)
    assert run("port-forward", "svc/web", "8080:http").lines[-1] == "Handling connection for 8080"
    asked = [each.method for each in attached.requests if each.target != "/v1/snapshot"]
    assert asked == ["PUT", "GET", "GET", "GET", "PUT"]


def test_an_entry_that_the_new_daemon_has_no_more_is_put_again(run: Run, attached: StandIn) -> None:
    streams(attached, LISTENING, AttachMoved())
    attached.fail(ATTACH, 404, code="not-found", text="no", exit_code=4)
    then_ctrl_c(attached)
    assert run("port-forward", "svc/web", "8080:http").code == ExitCode.OK


def test_the_entry_is_attached_to_this_process(run: Run, attached: StandIn) -> None:
    streams(attached, LISTENING)
    then_ctrl_c(attached)
    args = ("-n=shop", "--context=kind", "--address", "127.0.0.1,::1", "deploy/web", "8080:80")
    run("port-forward", *args)
    asked = put(attached)
    assert asked["attached"] is True
    assert (asked["context"], asked["kubeconfig"]) == ("kind", ["/home/me/kubeconfig"])
    assert asked["spec"]["namespace"] == "shop"
    assert asked["spec"]["address"] == ["127.0.0.1", "::1"]


def test_addresses_of_none_are_refused(run: Run) -> None:
    result = run("port-forward", "--address", ",", "svc/web", "8080")
    assert (result.code, result.err) == (1, "kfwd: --address needs at least one address\n")


def test_it_stays_up_when_the_pod_goes_and_says_so_once(run: Run, attached: StandIn) -> None:
    streams(attached, LISTENING, READY, WAITING, WAITING, READY, AttachConnection(port=8080))
    then_ctrl_c(attached)
    result = run("port-forward", "svc/web", "8080:http")
    assert result.err == "kfwd: waiting: svc/web has no pods\n"
    assert result.lines[-1] == "Handling connection for 8080"


def test_an_entry_the_daemon_lost_is_put_again_on_the_same_ports(
    run: Run, attached: StandIn
) -> None:
    ports = (PortView(listen=("127.0.0.1:41234", "[::1]:41234"), remote="http", port=80),)
    attached.answers.pop("GET /v1/snapshot")
    attached.on("GET /v1/snapshot", snapshot(entry("-/web", ports=ports)))
    free = AttachListening(listen=("127.0.0.1:41234", "[::1]:41234"), remote=80)
    streams(attached, free)
    streams(attached, free, AttachConnection(port=41234))
    then_ctrl_c(attached)
    result = run("port-forward", "svc/web", ":http")
    assert put(attached, 0)["spec"]["ports"][0]["local"] == 0
    assert put(attached, 1)["spec"]["ports"][0]["local"] == 41234
    assert len(result.lines) == 3


def test_what_waiting_does_not_mend_ends_it_at_once_as_kubectl_does(
    run: Run, attached: StandIn
) -> None:
    problem = Problem(code="not-found", severity="error", text="no svc/web", hint="look")
    streams(attached, AttachState(state=State.WAITING, problem=problem))
    result = run("port-forward", "svc/web", "8080:http")
    assert (result.code, result.err) == (ExitCode.FAILED, "kfwd: no svc/web\nhint: look\n")


def test_a_session_that_is_not_allowed_ends_it_as_kubectl_does(run: Run, attached: StandIn) -> None:
    streams(attached, LISTENING, FORBIDDEN)
    result = run("port-forward", "svc/web", "8080:http")
    assert (result.code, result.err) == (ExitCode.FAILED, "kfwd: you may not\n")


def test_what_was_ready_once_stays_up_when_it_is_not_allowed_any_more(
    run: Run, attached: StandIn
) -> None:
    streams(attached, LISTENING, READY, FORBIDDEN)
    then_ctrl_c(attached)
    result = run("port-forward", "svc/web", "8080:http")
    assert (result.code, result.err) == (ExitCode.OK, "kfwd: failed: you may not\n")


def test_a_pod_that_does_not_run_in_time_ends_it(run: Run, attached: StandIn) -> None:
    streams(attached, WAITING)
    result = run("port-forward", "--pod-running-timeout=50ms", "svc/web", "8080:http")
    assert result.code == ExitCode.FAILED
    assert result.err == (
        "kfwd: waiting: svc/web has no pods\n"
        "kfwd: svc/web has no running pod after 0.05 s: svc/web has no pods\n"
    )


def test_a_daemon_that_stays_away_ends_it(
    run: Run, attached: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attached_command, "LOST_S", 0.0)
    streams(attached, LISTENING)
    attached.on_raw("PUT /v1/entries/-/web", b"")
    result = run("port-forward", "svc/web", "8080:http")
    assert result.code == ExitCode.FAILED
    trying, gave_up = result.err.splitlines()[:2]
    assert trying == f"{gave_up}; trying again"
    assert gave_up.startswith("kfwd: the daemon hung up")


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["svc/web"], "missing argument"),
        (["--bogus", "svc/web", "80"], "no such option"),
        (["svc/web", "x:80"], "bad local port"),
        (["--pod-running-timeout=0s", "svc/web", "80"], "--pod-running-timeout must be higher"),
        (["--pod-running-timeout=1", "svc/web", "80"], "--pod-running-timeout: bad duration"),
        (["--kubeconfig=/nowhere", "svc/web", "80"], "there is no kubeconfig at /nowhere"),
    ],
)
def test_everything_that_is_wrong_is_exit_status_1_as_with_kubectl(
    run: Run, args: list[str], text: str
) -> None:
    result = run("port-forward", *args)
    assert result.code == ExitCode.FAILED
    assert result.err.startswith(f"kfwd: {text}")


def test_connection_flags_become_a_file_that_is_gone_afterwards(
    run: Run, attached: StandIn, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "config.yaml").write_text("")
    monkeypatch.setenv("KUBECONFIG", f"{home}/config.yaml")
    streams(attached, LISTENING)
    then_ctrl_c(attached)
    ignored = ("-v=6", "--request-timeout=1s", "--cache-dir", "/x", "--warnings-as-errors=true")
    flags = ("-s", "https://127.0.0.1:1", "--token=t", "--insecure-skip-tls-verify=true")
    assert run("port-forward", *ignored, *flags, "svc/web", "8080:80").code == ExitCode.OK
    (path,) = put(attached)["kubeconfig"]
    assert path.startswith(f"{attached.folder}/kubeconfig-")
    assert not Path(path).exists()


def test_flags_in_gos_form() -> None:
    words = ["--a=true", "--b=false", "--c=x", "-n=ns", "--a", "-v", "x=y", "--", "-z"]
    assert list(attached_command.as_click(words, {"--a", "--b"})) == [
        *("--a", "--c=x", "-n", "ns", "--a", "-v", "x=y", "--", "-z")
    ]


def test_only_free_ports_are_pinned_to_what_they_became() -> None:
    ports = tuple(PortSpec(local=n, remote="http") for n in (8080, 0, 0))
    spec = ForwardSpec(name="a", target="pod/a", ports=ports)
    listens = (("127.0.0.1:1",), ("127.0.0.1:2",), ())
    views = tuple(PortView(listen=listen, remote="http", port=80) for listen in listens)
    found = command.pinned(spec, entry("-/a", ports=views))
    assert [port.local for port in found.ports] == [8080, 2, 0]
