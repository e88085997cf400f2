"""Addresses outside the cluster network, from the objects themselves."""

from __future__ import annotations

from typing import Any

import pytest

from kfwd.kube.objects import Resource
from kfwd.resolve import direct, endpoints
from kfwd.resolve.target import parse
from tests.resolve.builders import facts, member, node, piece, pod, service

HTTP = {"name": "http", "port": 80, "targetPort": "http", "nodePort": 30080}
NODES = (node("node-1", "127.0.0.11"), node("node-2", "127.0.0.12"))


def found(target: str, *objects: Resource, remote: str = "http", blind: bool = False) -> list[str]:
    """Kind and address of each. `blind`: nodes may not be read."""
    known = facts(*objects, nodes=None) if blind else facts(*objects)
    resolution = endpoints.resolve(parse(target), remote, known, "shop")
    listed = direct.addresses(parse(target), remote, known, resolution)
    return [f"{address.kind} {address.uid}" for address in listed]


def node_port(**spec: Any) -> tuple[Resource, ...]:
    return service("web", HTTP, type="NodePort", **spec), piece(member("a")), pod("a")


def test_a_node_port_is_on_every_node() -> None:
    expected = ["node-port 127.0.0.11:30080", "node-port 127.0.0.12:30080"]
    assert found("svc/web", *node_port(), *NODES) == expected
    assert found("svc/web", *node_port(), *NODES, remote="80") == expected


def test_a_local_traffic_policy_leaves_the_nodes_that_run_a_pod() -> None:
    local = node_port(externalTrafficPolicy="Local")
    assert found("svc/web", *local, *NODES) == ["node-port 127.0.0.11:30080"]


def test_nodes_that_are_not_ready_come_last_and_every_ip_counts() -> None:
    nodes = (
        node("a", "10.0.0.1", ready=False),
        node("b", "10.0.0.2", ExternalIP="192.0.2.2", Hostname="b.local"),
        node("c", Hostname="c.local"),
    )
    hosts = [each.partition(" ")[2] for each in found("svc/web", *node_port(), *nodes)]
    assert hosts == ["10.0.0.2:30080", "192.0.2.2:30080", "c.local:30080", "10.0.0.1:30080"]


def test_where_nodes_may_not_be_read_their_pods_know_them() -> None:
    web, slices, _ = node_port()
    objects = (web, slices, pod("a", hostIP="127.0.0.11"), pod("b", node="n2", hostIP="127.0.0.9"))
    expected = ["node-port 127.0.0.9:30080", "node-port 127.0.0.11:30080"]
    assert found("svc/web", *objects, blind=True) == expected


def test_a_load_balancer_comes_first_by_ip_or_name_and_on_the_service_port() -> None:
    web = service("web", HTTP, type="LoadBalancer", balancers=[{"ip": "127.0.0.21"}])
    named = service("web", HTTP, type="LoadBalancer", balancers=[{"hostname": "lb.example"}])
    rest = (piece(member("a")), pod("a"), NODES[0])
    last = "node-port 127.0.0.11:30080"
    assert found("svc/web", web, *rest) == ["load-balancer 127.0.0.21:80", last]
    assert found("svc/web", named, *rest) == ["load-balancer lb.example:80", last]
    assert found("svc/web", service("web", HTTP, type="LoadBalancer"), *rest) == [last]


def test_host_ports_are_on_their_pods_node() -> None:
    ports = [{"name": "http", "containerPort": 8080, "hostPort": 18080}]
    one, two = pod("a", ports=ports), pod("b", node="node-2", ports=ports)
    expected = ["host-port 127.0.0.11:18080", "host-port 127.0.0.12:18080"]
    assert found("app=web", one, two, *NODES) == expected
    assert found("pod/a", one, *NODES, remote="8080") == expected[:1]
    assert found("pod/a", one, *NODES, remote="9000") == []


def test_a_host_port_may_be_on_one_address_only() -> None:
    ports = [{"name": "http", "containerPort": 8080, "hostPort": 18080, "hostIP": "10.1.1.1"}]
    assert found("pod/a", pod("a", ports=ports), *NODES) == ["host-port 10.1.1.1:18080"]
    ports[0]["hostIP"] = "0.0.0.0"
    assert found("pod/a", pod("a", ports=ports), *NODES) == ["host-port 127.0.0.11:18080"]


def test_a_pod_in_its_nodes_network_is_there_itself() -> None:
    edge = pod("a", host_network=True)
    assert found("pod/a", edge, *NODES) == ["host-network 127.0.0.11:8080"]


def test_an_ipv6_address_is_written_as_in_urls() -> None:
    assert found("pod/a", pod("a", host_network=True), node("node-1", "::1")) == [
        "host-network [::1]:8080"
    ]


@pytest.mark.parametrize(
    "objects",
    [
        (service("web", HTTP, type="NodePort"), *NODES),
        (service("web", HTTP, type="NodePort"), piece(member("a", ready=False)), *NODES),
    ],
)
def test_where_nothing_is_ready_there_is_no_address(objects: tuple[Resource, ...]) -> None:
    assert found("svc/web", *objects) == []


def test_a_service_without_pods_of_its_own_may_still_answer() -> None:
    manual = service("web", HTTP, type="NodePort", selector={})
    assert found("svc/web", manual, NODES[0]) == ["node-port 127.0.0.11:30080"]


def test_udp_and_unknown_ports_have_none() -> None:
    dns = {"name": "dns", "port": 53, "protocol": "UDP", "nodePort": 30053}
    objects = (service("web", dns, type="NodePort"), piece(member("a")), pod("a"), *NODES)
    assert found("svc/web", *objects, remote="dns") == []
    assert found("svc/web", *objects, remote="81") == []


def test_there_are_never_more_than_can_be_kept_an_eye_on() -> None:
    nodes = [node(f"n{number}", f"10.0.{number}.1") for number in range(40)]
    assert len(found("svc/web", *node_port(), *nodes)) == direct.ADDRESSES_MAX
