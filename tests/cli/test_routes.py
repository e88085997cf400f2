"""The list of routes."""

from __future__ import annotations

import json

from kfwd.api_model import RouteList, RouteView
from kfwd.cli.routes import as_table
from kfwd.errors import ExitCode
from tests.cli.conftest import Run
from tests.standin import StandIn, snapshot

WORKS = RouteView(
    kind="node-port",
    address="127.0.0.11:30080",
    layer=4,
    state="works",
    latency_ms=0.42,
    note="node node-1",
)
PENDING = RouteView(
    kind="load-balancer",
    address="<pending>",
    layer=4,
    state="pending",
    latency_ms=None,
    note="no provider has given it an address",
)
FOUND = RouteList(target="svc/web", routes=(WORKS, PENDING))


def test_json_has_the_documented_shape(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot())
    daemon.on("GET /v1/routes", FOUND)
    found = json.loads(run("routes", "svc/web", "-n", "shop", "-o", "json").out)
    assert found["target"] == "svc/web"
    assert found["routes"][0] == {
        "kind": "node-port",
        "address": "127.0.0.11:30080",
        "layer": 4,
        "state": "works",
        "latency_ms": 0.42,
        "note": "node node-1",
    }
    asked = daemon.requests[-1].target
    assert asked == (
        "/v1/routes?target=svc%2Fweb&namespace=shop&kubeconfig=%2Fhome%2Fme%2Fkubeconfig"
    )


def test_the_table_has_a_line_a_route(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot())
    daemon.on("GET /v1/routes", FOUND)
    heading, works, pending = run("routes", "svc/web").lines
    assert heading.split() == ["ROUTE", "STATE", "ADDRESS", "LAYER", "LATENCY", "NOTE"]
    assert works.split()[:6] == ["node-port", "works", "127.0.0.11:30080", "4", "0.4", "ms"]
    assert pending.split()[:5] == ["load-balancer", "pending", "<pending>", "4", "-"]


def test_states_have_colours_on_a_terminal() -> None:
    assert "\x1b[32mworks\x1b[0m" in as_table(FOUND, colour=True)


def test_a_target_that_is_not_there_is_exit_4(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot())
    daemon.fail("GET /v1/routes", 404, code="not-found", text="there is no svc/web", exit_code=4)
    result = run("routes", "svc/web")
    assert (result.code, result.err) == (ExitCode.NOT_FOUND, "kfwd: there is no svc/web\n")
