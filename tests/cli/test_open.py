"""The best URL, and what opens it."""

from __future__ import annotations

import webbrowser
from typing import Any

import pytest

from kfwd.api_model import RouteKind, RouteList, RouteState, RouteView
from kfwd.client import knock
from kfwd.errors import ExitCode
from kfwd.model import PortView, SnapshotEvent
from tests.cli.conftest import Run
from tests.standin import StandIn, entry, snapshot


def route(kind: RouteKind, address: str, state: RouteState = "works", **more: Any) -> RouteView:
    layer = 7 if "/" in address and kind != "port-forward" else 4
    fields = {"layer": layer, "latency_ms": None, "note": "", **more}
    return RouteView(kind=kind, address=address, state=state, **fields)


def ports(*listen: str, remote: str = "http") -> tuple[PortView, ...]:
    return (PortView(listen=listen, remote=remote, port=80),)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was asked to open."""
    seen: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: not seen.append(url))
    return seen


def test_an_entry_is_opened_by_its_name(run: Run, daemon: StandIn, opened: list[str]) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry("-/web")))
    for name in ("web", "-/web"):
        assert run("open", name).out == "http://localhost:8080/\n"
    assert opened == ["http://localhost:8080/"] * 2


def test_print_opens_nothing(run: Run, daemon: StandIn, opened: list[str]) -> None:
    daemon.on("GET /v1/snapshot", snapshot())
    found = RouteList(target="svc/web", routes=(route("load-balancer", "127.0.0.21:80"),))
    daemon.on("GET /v1/routes", found)
    assert run("open", "svc/web", "--print").out == "http://127.0.0.21/\n"
    assert opened == []


@pytest.mark.parametrize("scheme", ["tcp", "https"])
def test_a_port_of_unknown_speech_is_asked_for_a_page(
    run: Run, daemon: StandIn, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setattr(knock, "scheme", {"127.0.0.11:30001": scheme}.get)
    daemon.on("GET /v1/snapshot", snapshot())
    found = RouteList(target="svc/web", routes=(route("node-port", "127.0.0.11:30001"),))
    daemon.on("GET /v1/routes", found)
    assert run("open", "svc/web", "--print").out == f"{scheme}://127.0.0.11:30001\n"


def test_where_only_a_port_forward_leads_there_one_is_added(
    run: Run, daemon: StandIn, opened: list[str]
) -> None:
    now = snapshot(entry("-/web", ports=ports("127.0.0.1:40000", "[::1]:40000")))
    daemon.on("GET /v1/snapshot", snapshot())
    daemon.on("GET /v1/snapshot", snapshot())
    daemon.on("GET /v1/snapshot", now)
    daemon.on_lines("GET /v1/events", SnapshotEvent(seq=41, snapshot=now))
    daemon.on("PUT /v1/entries/-/web", {"id": "-/web"})
    only = RouteList(target="svc/web", routes=(route("port-forward", "svc/web:80"),))
    daemon.on("GET /v1/routes", only)
    result = run("open", "svc/web", "-n", "shop")
    assert result.out == "http://localhost:40000/\n"
    assert "nothing but a port-forward leads to svc/web: added -/web" in result.err
    put = next(request for request in daemon.requests if request.method == "PUT")
    assert put.json["spec"]["ports"] == [{"local": 0, "remote": "80"}]
    assert put.json["spec"]["namespace"] == "shop"
    assert opened == ["http://localhost:40000/"]


def test_what_no_browser_shows_is_said_as_its_clients_write_it(
    run: Run, daemon: StandIn, opened: list[str]
) -> None:
    database = (PortView(listen=("127.0.0.1:40000",), remote="5432", port=5432),)
    daemon.on("GET /v1/snapshot", snapshot(entry("-/db", ports=database)))
    result = run("open", "db")
    assert result.out == "postgresql://localhost:40000/\n"
    assert "a browser cannot show this" in result.err
    assert opened == []


def test_where_nothing_leads_there_the_reason_is_said(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot())
    lost = route("port-forward", "svc/web:80", "fails", note="svc/web has no ready endpoints")
    daemon.on("GET /v1/routes", RouteList(target="svc/web", routes=(lost,)))
    result = run("open", "svc/web", "--print")
    assert result.code == ExitCode.FAILED
    assert "svc/web cannot be reached from here: svc/web has no ready endpoints" in result.err


def test_a_name_that_nothing_has_is_no_target(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot())
    result = run("open", "web")
    assert result.code == ExitCode.NOT_FOUND
    assert "hint: name a target, as in svc/web" in result.err


def test_without_a_browser_the_address_is_said(
    run: Run, daemon: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry("dev/web")))
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    result = run("open", "dev/web")
    assert (result.code, result.out) == (ExitCode.OK, "http://localhost:8080/\n")
    assert "no browser can be started here" in result.err
