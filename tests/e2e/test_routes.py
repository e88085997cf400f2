"""Every way to the demo's services, tried for real on loopback."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Sim
from tests.e2e.test_cli import Shell

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def shell(sim: Sim, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    sim.admin("GET", "/sim/faults")  # skips where the cluster is a real one
    shell = Shell(sim, "demo", tmp_path_factory.mktemp("routes"))
    shell.env["KFWD_ROUTES_WITHIN"] = "127.0.0.0/8,::1/128"
    yield shell
    subprocess.run(["kfwd", "daemon", "stop"], env=shell.env, capture_output=True, check=False)


def ways(shell: Shell, target: str) -> dict[str, list[dict[str, Any]]]:
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for route in shell.json("routes", target, "-n", "demo")["routes"]:
        by_kind.setdefault(route["kind"], []).append(route)
    return by_kind


def test_the_service_that_has_all_ways_shows_them(shell: Shell) -> None:
    found = ways(shell, "svc/web")
    assert {"port-forward", "api-proxy", "cluster-ip", "node-port", "load-balancer"} <= set(found)
    assert {"host-port", "ingress"} <= set(found)
    for kind in ("port-forward", "node-port", "host-port"):
        assert "works" in {route["state"] for route in found[kind]}, found[kind]
    working = [route for route in found["node-port"] if route["state"] == "works"]
    assert all(0 < route["latency_ms"] < 2000 for route in working)
    assert all(route["address"].startswith("127.") for route in found["node-port"])


def test_the_service_that_is_far_says_why(shell: Shell) -> None:
    found = ways(shell, "svc/far")
    assert {route["state"] for route in found["load-balancer"]} == {"pending"}
    failing = [route for route in found["node-port"] if route["state"] == "fails"]
    assert failing
    assert all(route["note"] and route["latency_ms"] is None for route in failing)


def test_a_route_of_the_gateway_api_is_listed_with_its_gateway(shell: Shell, sim: Sim) -> None:
    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    objects = [
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "metadata": {"name": "public"},
            "spec": {"gatewayClassName": "sim", "listeners": [listener]},
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": "edge"},
            "spec": {
                "parentRefs": [{"name": "public"}],
                "hostnames": ["edge.localhost"],
                "rules": [{"backendRefs": [{"name": "edge", "port": 80}]}],
            },
        },
    ]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    sim.kubectl("apply", "-n", "demo", "-f", "-", input=text)
    try:
        (route,) = ways(shell, "svc/edge")["http-route"]
        assert route["address"] == "http://edge.localhost/"
        assert "httproute demo/edge" in route["note"]
        assert ways(shell, "deploy/edge")["host-network"][0]["state"] == "works"
    finally:
        sim.kubectl("delete", "-n", "demo", "-f", "-", input=text)


def test_the_best_come_first(shell: Shell) -> None:
    states = [route["state"] for route in shell.json("routes", "svc/web", "-n", "demo")["routes"]]
    worked = [place for place, state in enumerate(states) if state == "works"]
    assert worked == list(range(len(worked)))
    assert worked


def test_open_prints_a_url_that_answers(shell: Shell) -> None:
    url = shell("open", "svc/web", "-n", "demo", "--print").stdout.strip()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as answer:
        assert answer.read().startswith(b"pod=web-")


def test_what_does_not_exist_is_said(shell: Shell) -> None:
    found = shell("routes", "svc/nothing", "-n", "demo", code=4)
    assert "nothing" in found.stderr
