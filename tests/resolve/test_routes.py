"""Every way to a target, from objects alone."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kfwd.errors import KfwdError, NotFound, UsageError
from kfwd.kube.objects import LoadBalanced, Resource
from kfwd.kube.route_objects import Gateway, HTTPRoute, Ingress, full_name
from kfwd.resolve import routes
from kfwd.resolve.route import ApiProxy, Candidate, Http, PortForward, Tcp
from kfwd.resolve.routes import Surroundings
from kfwd.resolve.rules import RuleObjects, build
from kfwd.resolve.target import parse
from tests.resolve import rules as make
from tests.resolve.builders import facts, member, node, piece, pod, service, workload

HTTP = {"name": "http", "port": 80, "targetPort": "http", "nodePort": 30080}
NODES = (node("node-1", "127.0.0.11"), node("node-2", "127.0.0.12"))


def around(*objects: Ingress | HTTPRoute | Gateway, gateways: tuple[str, ...] = ()) -> Surroundings:
    ingresses = tuple(each for each in objects if isinstance(each, Ingress))
    known = {full_name(each): each for each in objects if isinstance(each, Gateway)}
    found = [each for each in objects if isinstance(each, HTTPRoute)]
    rules = build(RuleObjects(ingresses=ingresses, routes=found, gateways=known, grants=()))
    return Surroundings(rules=rules, ingresses=ingresses, gateways=gateways)


def rule_of(name: str, *rules: tuple[str, str, str], address: str | None = None) -> Ingress:
    """An ingress of rules (host, path, service), served at an address."""
    made = make.ingress(name, *((host, "Prefix", path, to) for host, path, to in rules))
    if address is None:
        return made
    status = {"loadBalancer": {"ingress": [{"ip": address}]}}
    return msgspec.structs.replace(made, status=msgspec.convert(status, LoadBalanced))


def ways(
    target: str,
    *objects: Resource,
    port: str | None = None,
    beside: Surroundings | None = None,
    **hidden: Any,
) -> list[Candidate]:
    known = facts(*objects, **hidden)
    return routes.candidates(parse(target), port, known, "shop", beside or around())


def shown(found: list[Candidate]) -> list[tuple[str, str]]:
    return [(each.kind, each.address) for each in found]


def only(kind: str, found: list[Candidate]) -> list[Candidate]:
    return [each for each in found if each.kind == kind]


def web(*balancers: dict[str, str], **spec: Any) -> tuple[Resource, ...]:
    fields = {"type": "LoadBalancer", "clusterIP": "10.96.0.10", **spec}
    return service("web", HTTP, balancers=balancers, **fields), piece(member("a")), pod("a")


def test_a_service_has_all_its_routes() -> None:
    ports = [{"name": "http", "containerPort": 8080, "hostPort": 18080}]
    balanced, slices, _ = web({"ip": "127.0.0.21"})
    found = ways("svc/web", balanced, slices, pod("a", ports=ports), *NODES)
    assert shown(found) == [
        ("port-forward", "svc/web:80"),
        ("api-proxy", "/api/v1/namespaces/shop/services/web:80/proxy/"),
        ("cluster-ip", "10.96.0.10:80"),
        ("node-port", "127.0.0.11:30080"),
        ("node-port", "127.0.0.12:30080"),
        ("load-balancer", "127.0.0.21:80"),
        ("host-port", "127.0.0.11:18080"),
    ]
    trials = [each.trial for each in found]
    assert trials[0] == PortForward(namespace="shop", pod="a", port=8080)
    assert isinstance(trials[1], ApiProxy)
    assert (trials[1].id, trials[1].web) == ("web:80", True)
    assert trials[3] == Tcp(host="127.0.0.11", port=30080)


def test_a_pending_balancer_is_pending_and_a_name_counts_as_an_address() -> None:
    (pending,) = only("load-balancer", ways("svc/web", *web()))
    assert (pending.address, pending.state, pending.trial) == ("<pending>", "pending", None)
    (named,) = only("load-balancer", ways("svc/web", *web({"hostname": "lb.example"})))
    assert named.trial == Tcp(host="lb.example", port=80)
    ranges = {"loadBalancerSourceRanges": ["10.0.0.0/8"]}
    (narrow,) = only("load-balancer", ways("svc/web", *web({"ip": "127.0.0.21"}, **ranges)))
    assert narrow.note == "for clients in 10.0.0.0/8"


def test_a_local_traffic_policy_says_which_nodes_cannot_work() -> None:
    found = ways("svc/web", *web(externalTrafficPolicy="Local"), *NODES)
    one, two = only("node-port", found)
    assert one.trial is not None
    assert (two.trial, two.state) == (None, "fails")
    assert two.note == "node-2 runs no ready pod of it, and externalTrafficPolicy is Local"


def test_where_nodes_cannot_be_read_the_node_port_is_unknown() -> None:
    (unknown,) = only("node-port", ways("svc/web", *web(), nodes=None))
    assert (unknown.address, unknown.state) == ("<any node>:30080", "unknown")


def test_a_service_without_ready_pods_says_so_and_keeps_its_other_routes() -> None:
    balanced, _, _ = web({"ip": "127.0.0.21"})
    found = ways("svc/web", balanced, pod("a", ready=False), piece(member("a", ready=False)))
    (forward,) = only("port-forward", found)
    assert (forward.trial, forward.state) == (None, "fails")
    assert "a is running but not ready" in forward.note
    assert only("load-balancer", found)


def test_one_port_of_a_service_by_name_or_number() -> None:
    echo = {"name": "echo", "port": 9000, "targetPort": 9000}
    objects = (service("web", HTTP, echo), piece(member("a")), pod("a"))
    addresses = [each.address for each in only("port-forward", ways("svc/web", *objects))]
    assert addresses == ["svc/web:80", "svc/web:9000"]
    for port in ("echo", "9000"):
        (one,) = only("port-forward", ways("svc/web", *objects, port=port))
        assert (one.address, one.web) == ("svc/web:9000", False)
    with pytest.raises(NotFound, match="svc/web has no port 81") as caught:
        ways("svc/web", *objects, port="81")
    assert caught.value.hint == "its ports are http (80), echo (9000)"


def test_https_ports_go_through_the_proxy_with_their_scheme() -> None:
    tls = {"name": "https", "port": 443, "targetPort": 8443}
    (proxied,) = only("api-proxy", ways("svc/web", service("web", tls)))
    assert proxied.address == "/api/v1/namespaces/shop/services/https:web:443/proxy/"


def test_udp_cannot_be_reached() -> None:
    dns = service("web", {"name": "dns", "port": 53, "protocol": "UDP"})
    assert [each.note for each in ways("svc/web", dns)] == ["it has no TCP ports"]


def test_pods_have_their_own_routes_and_those_of_their_services() -> None:
    edge = pod("a", host_network=True)
    objects = (workload("web"), service("web", HTTP, clusterIP="10.96.0.10"), edge, *NODES)
    found = ways("deploy/web", *objects, piece(member("a")))
    assert shown(found) == [
        ("port-forward", "deploy/web:http"),
        ("api-proxy", "/api/v1/namespaces/shop/pods/a:8080/proxy/"),
        ("host-network", "127.0.0.11:8080"),
        ("api-proxy", "/api/v1/namespaces/shop/services/web:80/proxy/"),
        ("cluster-ip", "10.96.0.10:80"),
        ("node-port", "127.0.0.11:30080"),
        ("node-port", "127.0.0.12:30080"),
    ]
    assert shown(ways("pod/a", *objects, piece(member("a")), port="9000"))[:2] == [
        ("port-forward", "pod/a:9000"),
        ("api-proxy", "/api/v1/namespaces/shop/pods/a:9000/proxy/"),
    ]


def test_services_of_other_pods_are_not_theirs() -> None:
    other = service("db", HTTP, clusterIP="10.96.0.11")
    assert not only("cluster-ip", ways("pod/a", pod("a"), other, piece(member("b"), of="db")))


def test_a_pod_that_declares_no_ports_needs_one_said() -> None:
    with pytest.raises(UsageError, match="declares no ports") as caught:
        ways("pod/a", pod("a", ports=[]))
    assert caught.value.hint == "say which one: pod/a:8080"


def test_a_target_without_pods_says_why() -> None:
    found = ways("deploy/web", workload("web", replicas=0))
    assert [(each.address, each.state) for each in found] == [("deploy/web", "fails")]
    assert "scaled to 0" in found[0].note


@pytest.mark.parametrize("target", ["svc/web", "pod/web", "deploy/web", "ingress/web"])
def test_a_target_that_is_not_there_is_not_found(target: str) -> None:
    with pytest.raises(NotFound, match=f"there is no {target}"):
        ways(target)


def test_services_that_cannot_be_read_are_an_error() -> None:
    with pytest.raises(KfwdError, match="cannot be read"):
        ways("svc/web", services=None)


def test_a_rule_is_tried_under_its_own_name_and_where_its_controller_is() -> None:
    rule = rule_of("web", ("foo.bar.com", "/foo", "web"), address="127.0.0.31")
    (found,) = only("ingress", ways("svc/web", *web(), beside=around(rule)))
    assert found.address == "http://foo.bar.com/foo"
    assert found.trial == Http(
        tls=False,
        host="foo.bar.com",
        port=80,
        authority="foo.bar.com",
        path="/foo",
        at=("127.0.0.31",),
    )
    assert "ingress shop/web" in found.note


def test_a_rule_without_a_host_is_at_its_controllers_address_or_pending() -> None:
    anywhere = rule_of("web", ("", "/", "web"), address="127.0.0.31")
    (found,) = only("ingress", ways("svc/web", *web(), beside=around(anywhere)))
    assert found.address == "http://127.0.0.31/"
    nowhere = rule_of("web", ("", "/", "web"))
    (found,) = only("ingress", ways("svc/web", *web(), beside=around(nowhere)))
    assert (found.address, found.state) == ("http://<pending>/", "pending")
    assert "no controller of class nginx has given it an address" in found.note


def test_a_wildcard_cannot_be_tried() -> None:
    rule = rule_of("web", ("*.bar.com", "/", "web"), address="127.0.0.31")
    (found,) = only("ingress", ways("svc/web", *web(), beside=around(rule)))
    assert (found.state, found.trial) == ("unknown", None)
    assert found.note.startswith("any name under bar.com")


def test_a_route_of_the_gateway_api_is_tried_at_its_gateway() -> None:
    route = make.http_route("web", make.route_rule("web", path="/shop"), hosts=["a.example.com"])
    beside = around(route, make.gateway(address="127.0.0.41"))
    (found,) = only("http-route", ways("svc/web", *web(), beside=beside))
    assert found.address == "http://a.example.com/shop"
    assert isinstance(found.trial, Http)
    assert found.trial.at == ("127.0.0.41",)


def test_rules_of_another_port_are_not_listed_for_one() -> None:
    echo = {"name": "echo", "port": 9000}
    objects = (service("web", HTTP, echo), piece(member("a")), pod("a"))
    rule = rule_of("web", ("foo.bar.com", "/", "web:80"))
    beside = around(rule)
    assert only("ingress", ways("svc/web", *objects, port="http", beside=beside))
    assert not only("ingress", ways("svc/web", *objects, port="echo", beside=beside))


def test_an_ingress_has_the_routes_of_its_rules_alone() -> None:
    rules = [
        rule_of("web", ("foo.bar.com", "/foo", "a"), ("foo.bar.com", "/bar", "b")),
        rule_of("other", ("foo.bar.com", "/baz", "a")),
    ]
    assert shown(ways("ingress/web", beside=around(*rules))) == [
        ("ingress", "http://foo.bar.com/foo"),
        ("ingress", "http://foo.bar.com/bar"),
    ]


def test_the_gateway_of_kfwd_is_a_route_to_every_service() -> None:
    (found,) = only("gateway", ways("svc/web", *web(), beside=around(gateways=("127.0.0.1:8888",))))
    assert found.address == "http://web.shop.localhost:8888/"
    assert isinstance(found.trial, Http)
    assert (found.trial.host, found.trial.port) == ("127.0.0.1", 8888)


def test_there_is_a_bound_to_what_is_listed() -> None:
    nodes = [node(f"n{number}", f"127.0.1.{number}") for number in range(1, 40)]
    ports = [{"name": f"p{n}", "port": n, "nodePort": 30000 + n} for n in range(1, 60)]
    found = ways("svc/web", service("web", *ports, type="NodePort"), *nodes)
    assert len(found) == routes.CANDIDATES_MAX
    first = [each for each in only("node-port", found) if each.address.endswith(":30001")]
    assert len(first) == routes.HOSTS_MAX
