"""Calls against a stand-in daemon on a real socket."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from kfwd import __version__, api_model
from kfwd.api_doctor import Hops
from kfwd.client.calls import REPLACED_TRIES, Client
from kfwd.errors import (
    DaemonReplaced,
    DaemonUnreachable,
    ExitCode,
    Forbidden,
    KfwdError,
    LoginNeeded,
    NotFound,
    NotReady,
    ProfileInvalid,
    ProtocolError,
    UsageError,
)
from kfwd.model import ForwardSpec, PortSpec
from tests.standin import Request, StandIn, entry, snapshot, standing_in


def test_a_snapshot_is_a_record(server: StandIn, client: Client) -> None:
    wanted = snapshot(entry())
    server.on("GET /v1/snapshot", wanted)
    assert client.snapshot() == wanted


def test_an_ad_hoc_entry_is_put_below_the_dash_profile(server: StandIn, client: Client) -> None:
    server.on("PUT /v1/entries/-/web", {"id": "-/web-2"})
    spec = ForwardSpec(name="web", target="svc/web", ports=(PortSpec(local=0, remote="80"),))
    request = api_model.EntryRequest(spec=spec, kubeconfig=("/k",), context="dev")
    assert client.put_entry("web", request, "next").id == "-/web-2"
    assert server.requests[0].target == "/v1/entries/-/web?taken=next"
    assert server.requests[0].json["context"] == "dev"


def test_ids_and_queries_are_quoted(server: StandIn, client: Client) -> None:
    server.on("POST /v1/entries/dev/a%2Fb/pause", {"id": "dev/a/b"})
    client.act("dev/a/b", "pause")
    server.on("GET /v1/plan", {"profiles": [], "items": []})
    client.plan(["a", "b"], ["/home/x y"])
    assert server.requests[1].target == "/v1/plan?profile=a&profile=b&kubeconfig=%2Fhome%2Fx%20y"


def test_a_login_names_its_context_and_carries_the_credential(
    server: StandIn, client: Client
) -> None:
    target = api_model.LoginTarget(context="dev", kubeconfig=("/k",))
    server.on("GET /v1/login", target)
    assert client.login_target("dev", ["/k"]) == target
    client.login_target(None, ["/k"])
    assert [request.target for request in server.requests] == [
        "/v1/login?context=dev&kubeconfig=%2Fk",
        "/v1/login?kubeconfig=%2Fk",
    ]
    server.on("POST /v1/login", {"context": "dev", "state": "ok", "login_expires": None})
    request = api_model.LoginRequest(context="dev", kubeconfig=("/k",), credential="{}")
    assert client.login(request).state == "ok"
    assert server.requests[-1].json == {
        "context": "dev",
        "kubeconfig": ["/k"],
        "credential": "{}",
    }


def test_up_and_down_carry_what_is_meant(server: StandIn, client: Client) -> None:
    for call in ("up", "down"):
        server.on(f"POST /v1/{call}", {"items": [{"id": "dev/web", "action": "start"}]})
    assert client.up(["dev"], ["/k"]).items[0].action == "start"
    client.down([], everything=True)
    assert server.requests[0].json == {"profiles": ["dev"], "kubeconfig": ["/k"]}
    assert server.requests[1].json == {"profiles": [], "all": True}


@pytest.mark.parametrize(
    ("exit_code", "code", "kind"),
    [
        (2, "usage", UsageError),
        (4, "no-entry", NotFound),
        (5, "profile-invalid", ProfileInvalid),
        (6, "not-ready", NotReady),
        (7, "forbidden", Forbidden),
        (7, "login-needed", LoginNeeded),
        (1, "write-failed", KfwdError),
        (99, "new-in-a-later-version", KfwdError),
    ],
)
def test_errors_keep_their_kind_code_sentence_and_hint(
    server: StandIn, client: Client, exit_code: int, code: str, kind: type[KfwdError]
) -> None:
    detail = {"code": code, "text": "that does not work", "hint": "do it otherwise"}
    server.fail("POST /v1/stop", 409, **detail, exit_code=exit_code)
    with pytest.raises(KfwdError) as caught:
        client.stop()
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.text) == (code, "that does not work")
    assert caught.value.hint == "do it otherwise"


def test_the_next_daemon_is_asked_where_one_was_just_replaced(
    server: StandIn, client: Client
) -> None:
    for _ in range(2):
        server.fail("POST /v1/stop", 500, code="daemon-replaced", text="just replaced")
    server.on("POST /v1/stop", {"pid": 7})
    assert client.stop().pid == 7


def test_daemons_that_are_replaced_for_ever_are_given_up_on(
    server: StandIn, client: Client
) -> None:
    server.fail("POST /v1/stop", 500, code="daemon-replaced", text="just replaced")
    with pytest.raises(DaemonReplaced, match="just replaced"):
        client.stop()
    assert len(server.requests) == REPLACED_TRIES


def test_the_hops_of_an_entry(server: StandIn) -> None:
    server.on("GET /v1/entries/dev/web/hops", Hops(id="dev/web", facts=()))
    assert Client([server.folder]).hops("dev/web").id == "dev/web"


def test_no_daemon_says_where_it_was_looked_for_and_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(DaemonUnreachable) as caught:
        Client([tmp_path / "a", tmp_path / "b"]).snapshot()
    assert caught.value.text == f"no daemon answers on {tmp_path}/a/kfwd.sock"
    assert caught.value.hint == "kfwd daemon start"
    assert caught.value.exit_code == ExitCode.NO_DAEMON


def test_a_stale_socket_is_no_daemon(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(tmp_path / "kfwd.sock"))
    with pytest.raises(DaemonUnreachable, match="no daemon answers"):
        Client([tmp_path]).snapshot()


def test_the_other_runtime_folder_is_tried(server: StandIn, tmp_path: Path) -> None:
    server.on("GET /v1/snapshot", snapshot())
    assert Client([tmp_path, server.folder]).snapshot().seq == 41


def test_a_path_too_long_for_a_socket_is_no_daemon(tmp_path: Path) -> None:
    with pytest.raises(DaemonUnreachable):
        Client([tmp_path / ("x" * 120)]).snapshot()


def test_another_version_is_warned_about_once(server: StandIn) -> None:
    warnings: list[str] = []
    with standing_in(version="0.0.9") as old:
        old.on("GET /v1/snapshot", snapshot())
        client = Client([old.folder], warn=warnings.append)
        client.snapshot()
        client.snapshot()
    expected = f"the daemon's version 0.0.9 is not this kfwd's {__version__}: kfwd daemon restart"
    assert warnings == [expected]


def test_a_call_that_an_older_daemon_does_not_know_says_so() -> None:
    with standing_in(version="0.0.9") as old:
        with pytest.raises(KfwdError) as caught:
            Client([old.folder]).snapshot()
        old.fail("POST /v1/stop", 404, code="unknown-call", text="no such path")
        with pytest.raises(KfwdError, match="does not know this call"):
            Client([old.folder]).stop()
    assert caught.value.text == (
        f"the daemon's version 0.0.9 does not know this call of kfwd {__version__}"
    )
    assert caught.value.hint == "kfwd daemon restart"


def test_an_answer_of_another_shape_is_an_error_with_both_versions(
    server: StandIn, client: Client
) -> None:
    server.on("GET /v1/snapshot", {"seq": "many"})
    with pytest.raises(ProtocolError, match=f"version {__version__} answered what kfwd"):
        client.snapshot()


def test_an_answer_that_is_cut_off_is_a_daemon_that_hung_up(
    server: StandIn, client: Client
) -> None:
    server.on_raw("GET /v1/snapshot", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    server.on_raw("POST /v1/stop", b"")
    for call in (client.snapshot, client.stop):
        with pytest.raises(DaemonUnreachable, match="hung up"):
            call()


def test_a_daemon_that_says_nothing_is_given_up_on(server: StandIn) -> None:
    def silent(request: Request, connection: socket.socket) -> None:
        connection.recv(1)

    server.on_raw("GET /v1/snapshot", silent)
    with pytest.raises(DaemonUnreachable, match="did not answer in time"):
        Client([server.folder], timeout_s=0.05).snapshot()


def test_routes_are_asked_for_with_what_was_given(server: StandIn, client: Client) -> None:
    server.on("GET /v1/routes", {"target": "svc/web", "routes": []})
    request = api_model.RoutesRequest(target="svc/web:http", context="dev", kubeconfig=("/k", "/l"))
    assert client.routes(request).target == "svc/web"
    assert server.requests[0].target == (
        "/v1/routes?target=svc%2Fweb%3Ahttp&context=dev&kubeconfig=%2Fk&kubeconfig=%2Fl"
    )


def test_the_namespaces_of_a_context(server: StandIn, client: Client) -> None:
    found = api_model.NamespaceList(current="shop", namespaces=("default", "shop"))
    server.on("GET /v1/contexts/a%2Fb/namespaces", found)
    assert client.namespaces("a/b", ["/k"]) == found
    assert server.requests[0].target == "/v1/contexts/a%2Fb/namespaces?kubeconfig=%2Fk"
