"""Every way to a target, as a table and as JSON."""

from __future__ import annotations

import json

from kfwd.api_model import RouteList, RouteView
from tests.cli.conftest import Run
from tests.standin import StandIn, snapshot

WORKS = RouteView(
    kind="node-port", address="127.0.0.11:30080", layer=4, state="works", latency_ms=0.42, note="ok"
)
FAILS = RouteView(
    kind="cluster-ip",
    address="127.96.0.1:80",
    layer=4,
    state="fails",
    latency_ms=None,
    note="refused: nothing listens there",
)
FOUND = RouteList(target="svc/web", routes=(WORKS, FAILS))


def test_json_is_the_documented_shape(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot())
    daemon.on("GET /v1/routes", FOUND)
    found = json.loads(run("routes", "svc/web", "-o", "json").out)
    assert set(found) == {"target", "routes"}
    assert [set(route) for route in found["routes"]] == [
        {"kind", "address", "layer", "state", "latency_ms", "note"}
    ] * 2


def test_a_table_has_a_line_for_each_way_best_first(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot())
    daemon.on("GET /v1/routes", FOUND)
    lines = run("routes", "svc/web").lines
    assert lines[0].split() == ["ROUTE", "STATE", "ADDRESS", "LAYER", "LATENCY", "NOTE"]
    assert lines[1].split()[:6] == ["node-port", "works", "127.0.0.11:30080", "4", "0.4", "ms"]
    assert "refused: nothing listens there" in lines[2]


def test_the_caller_says_where_the_target_is(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot())
    daemon.on("GET /v1/routes", FOUND)
    run("routes", "svc/web:http", "-n", "shop", "--context", "dev")
    target = daemon.requests[-1].target
    assert "target=svc%2Fweb%3Ahttp" in target or "target=svc/web:http" in target
    assert "namespace=shop" in target
    assert "context=dev" in target
    assert "kubeconfig=" in target
