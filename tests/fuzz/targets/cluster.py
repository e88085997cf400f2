"""Objects that somebody in the cluster made: whatever they say, there is an answer or a problem.

Each line is a letter for its kind and an object. Targets are resolved among them, routes listed,
requests routed by the rules they make.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec

from kfwd.errors import NOT_JSON, KfwdError
from kfwd.kube import objects, route_objects
from kfwd.kube.objects import Kind
from kfwd.model import Problem
from kfwd.resolve import catalog, decision, direct, endpoints, regex, routes, rules
from kfwd.resolve.facts import Facts
from kfwd.resolve.landscape import Landscape
from kfwd.resolve.target import Target
from kfwd.wire import http1, http1_body
from tests.resolve import rules as short
from tests.resolve.builders import member, node, piece, pod, service, workload

LETTERS: dict[bytes, Kind[Any]] = {
    b"p": objects.PODS,
    b"s": objects.SERVICES,
    b"e": objects.ENDPOINT_SLICES,
    b"d": objects.DEPLOYMENTS,
    b"n": objects.NODES,
    b"i": route_objects.INGRESSES,
    b"r": route_objects.HTTP_ROUTES,
    b"g": route_objects.GATEWAYS,
}
TARGETS = (
    Target("services", "web"),
    Target("deployments", "web"),
    Target("pods", "web-1"),
    Target("pods", selector="app=web"),
    Target("ingresses", "web"),
)
A = {"name": "X-A", "value": "1"}
REQUESTS = ("a.b", "web.shop", "x.localhost")


def seeds() -> Iterator[bytes]:
    served = (b"s", service()), (b"e", piece(member("web-1"))), (b"p", pod("web-1"))
    yield lines(*served, (b"d", workload()), (b"n", node("node-1", "10.1.1.1")))
    ports = [{"name": "http", "containerPort": 80, "hostPort": 81, "hostIP": "10.1.1.1"}]
    yield lines((b"p", pod("web-1", phase="Pending", waiting="ErrImagePull", ports=ports)))
    balanced = service(
        "web", {"port": 80, "nodePort": 30080, "targetPort": "http"}, type="NodePort"
    )
    yield lines((b"s", balanced), *served[1:], (b"n", node("node-1", "10.1.1.1")))
    exact = ("a.b", "Prefix", "/x", "web"), ("*.shop", "Exact", "/y", "web:http")
    pattern = ("a.b", "ImplementationSpecific", "/(x|y)/(.*)", "web")
    yield lines((b"i", short.ingress("web", *exact)), (b"s", service()))
    rewritten = short.ingress("web", pattern, rewrite_target="/$2", use_regex="true")
    yield lines((b"i", rewritten), (b"s", service()))
    matches = [{"path": {"type": "RegularExpression", "value": "/x.*"}, "method": "GET"}]
    changes = [
        {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [A], "remove": ["b"]}},
        {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"add": [A]}},
        {"type": "URLRewrite", "urlRewrite": {"hostname": "c.d"}},
    ]
    route = short.http_route("r", short.route_rule("web", matches=matches, filters=changes))
    yield lines((b"r", route), (b"g", short.gateway()), (b"s", service()))
    target = short.ingress("web", pattern, rewrite_target="/$2?q=$1", use_regex="true")
    yield lines((b"i", target), (b"s", service()))


def lines(*items: tuple[bytes, objects.Resource]) -> bytes:
    return b"\n".join(letter + msgspec.json.encode(item) for letter, item in items)


def check(data: bytes) -> bool:
    found: dict[str, list[Any]] = {kind.name: [] for kind in LETTERS.values()}
    understood = True
    for line in data.split(b"\n")[:20]:
        kind = LETTERS.get(line[:1])
        try:
            if kind is not None:
                found[kind.name].append(objects.decoder(kind.type).decode(line[1:]))
        except NOT_JSON:
            understood = False
    facts = Facts(
        pods=named(found["pods"]),
        services=named(found["services"]),
        slices=named(found["endpointslices"]),
        workloads={"deployments": named(found["deployments"])},
        nodes=named(found["nodes"]),
    )
    made = rules.build(
        rules.RuleObjects(
            ingresses=found["ingresses"],
            routes=found["httproutes"],
            gateways=full(found["gateways"]),
            grants=(),
            namespaces={"shop": {}},
        )
    )
    resolved(facts, made, tuple(found["ingresses"]))
    routed(made, found)
    browsed(found)
    return understood


def named(items: list[Any]) -> dict[str, Any]:
    return {item.metadata.name: item for item in items}


def full(items: list[Any]) -> dict[str, Any]:
    return {f"{item.metadata.namespace}/{item.metadata.name}": item for item in items}


def resolved(facts: Facts, made: rules.Rules, ingresses: tuple[route_objects.Ingress, ...]) -> None:
    around = routes.Surroundings(rules=made, ingresses=ingresses, gateways=("127.0.0.1:8888",))
    for target in TARGETS:
        if target.kind != "ingresses":
            for remote in ("http", "80"):
                what = endpoints.resolve(target, remote, facts, "shop")
                assert what.endpoints or what.problem
                fine(what.problem)
                assert all(0 < each.port < 65536 for each in what.endpoints)
                for address in direct.addresses(target, remote, facts, what):
                    assert 0 < address.port < 65536
        try:
            found = routes.candidates(target, None, facts, "shop", around)
        except KfwdError:
            continue
        assert all(0 < getattr(each.trial, "port", 1) < 65536 for each in found)


def fine(problem: Problem | None) -> None:
    """A problem can be sent to clients."""
    assert problem is None or msgspec.json.decode(msgspec.json.encode(problem), type=Problem)


def routed(made: rules.Rules, found: dict[str, list[Any]]) -> None:
    services = full(found["services"])
    for host in REQUESTS:
        request = short.request(host, "/x/y?a=b")
        try:
            answer = rules.decide(made, request, services, random.Random(1).random)
        except regex.TooLong:
            continue
        if isinstance(answer, decision.Forward):
            forwarded(answer, host)
        elif isinstance(answer, decision.Redirect):
            lines = answer.response_headers.applied([("Location", answer.location)])
            told(http1.encode_response(answer.status, "", lines))
        made.knows(host)
    made.hosts()
    everything = Landscape(
        services=services,
        slices=full(found["endpointslices"]),
        pods=full(found["pods"]),
        rules=made,
    )
    for host in (*REQUESTS, "10.0.0.1", "web.shop.svc.cluster.local", "80.web.shop.localhost"):
        everything.names.find(host, 80)
    for each in found["services"]:
        everything.ready(each)


def forwarded(answer: decision.Forward, host: str) -> None:
    """What goes to the server is read there as what was decided, and so is what comes back."""
    sent = f"{answer.path}?{answer.query}" if answer.query else answer.path
    lines = answer.request_headers.applied([("Host", answer.host or host)])
    head = http1.parse_request(http1.encode_request("GET", sent, lines))
    assert (head.target, len(head.lines)) == (sent, len(lines))
    assert http1_body.of_request(head).done
    told(http1.encode_response(200, "OK", answer.response_headers.applied([])))


def told(data: bytes) -> None:
    head = http1.parse_response(data)
    assert not http1.HOP_BY_HOP & head.index.keys()
    assert "content-length" not in head.index


def browsed(found: dict[str, list[Any]]) -> None:
    behind = catalog.readiness(found["endpointslices"])
    views = [catalog.of_service(each, behind.get("shop/web")) for each in found["services"]]
    views += [catalog.of_pod(each) for each in found["pods"]]
    views += [catalog.of_workload("deployment", each) for each in found["deployments"]]
    views += [catalog.of_ingress(each) for each in found["ingresses"]]
    msgspec.json.encode(views)
