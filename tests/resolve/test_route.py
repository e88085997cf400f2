"""The order of routes, and what a port looks like."""

from __future__ import annotations

import random
from typing import get_args

from kfwd.api_model import RouteKind
from kfwd.resolve.route import COSTS, Candidate, looks_tls, looks_web, order


def test_what_works_comes_first_and_among_that_names_that_last() -> None:
    best_first = [
        order("ingress", "works", True, 30.0),
        order("load-balancer", "works", True, 1.0),
        order("node-port", "works", True, 1.0),
        order("node-port", "works", True, 2.0),
        order("port-forward", "works", True, 0.5),
        order("load-balancer", "works", False, 0.1),
        order("ingress", "unknown", True, None),
        order("load-balancer", "pending", True, None),
        order("ingress", "fails", True, None),
    ]
    shuffled = random.Random(1).sample(best_first, len(best_first))
    assert sorted(shuffled) == best_first


def test_every_kind_has_a_cost_and_a_layer() -> None:
    kinds: tuple[RouteKind, ...] = get_args(RouteKind)
    assert set(COSTS) == set(kinds)
    layers = {kind: Candidate(kind=kind, address="").layer for kind in kinds}
    assert {kind for kind, layer in layers.items() if layer == 7} == {
        "api-proxy",
        "ingress",
        "http-route",
        "gateway",
    }


def test_a_port_is_known_by_its_protocol_its_name_or_its_number() -> None:
    assert looks_web(5432, "db", "http")
    assert looks_web(9999, "http-admin")
    assert looks_web(8080, "main")
    assert looks_web(3000)
    assert not looks_web(3000, "grpc")
    assert not looks_web(80, "x", "kubernetes.io/h2c")
    assert not looks_web(5432)
    assert looks_tls(443)
    assert looks_tls(9999, "https-admin")
    assert looks_tls(9999, "x", "https")
    assert not looks_tls(80, "http")
