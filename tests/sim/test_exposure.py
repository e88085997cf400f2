"""Which addresses lead to which pods."""

from __future__ import annotations

from typing import Any

from kfwd.sim import exposure

NODES = {"node-1": "127.0.0.11", "node-2": "127.0.0.12"}


def endpoint(uid: str, node: str, state: str = "ready") -> dict[str, Any]:
    conditions = {
        "ready": state == "ready",
        "serving": state in {"ready", "serving"},
        "terminating": state != "ready",
    }
    return {"targetRef": {"uid": uid}, "nodeName": node, "conditions": conditions}


def slice_of(*endpoints: dict[str, Any]) -> dict[str, Any]:
    return {"ports": [{"name": "http", "port": 8080}], "endpoints": list(endpoints)}


def service(kind: str, **spec: object) -> dict[str, Any]:
    port = {"name": "http", "port": 80, "nodePort": 30080}
    return {"spec": {"type": kind, "ports": [port], **spec}, "status": {}}


BOTH = [slice_of(endpoint("a", "node-1"), endpoint("b", "node-2"))]


def test_a_node_port_leads_from_every_node_to_every_ready_pod() -> None:
    everywhere = (("a", 8080), ("b", 8080))
    assert exposure.of_service(service("NodePort"), BOTH, NODES) == {
        ("127.0.0.11", 30080): everywhere,
        ("127.0.0.12", 30080): everywhere,
    }


def test_with_the_local_policy_a_node_serves_its_own_pods_or_nothing() -> None:
    local = service("NodePort", externalTrafficPolicy="Local")
    found = exposure.of_service(local, [slice_of(endpoint("b", "node-2"))], NODES)
    assert found == {("127.0.0.12", 30080): (("b", 8080),)}


def test_pods_that_end_are_used_only_while_none_is_ready() -> None:
    ending = endpoint("old", "node-1", "serving")
    last = exposure.of_service(service("NodePort"), [slice_of(ending)], NODES)
    assert last["127.0.0.11", 30080] == (("old", 8080),)
    slices = [slice_of(ending, endpoint("new", "node-2"))]
    assert exposure.of_service(service("NodePort"), slices, NODES)["127.0.0.11", 30080] == (
        ("new", 8080),
    )
    unready = [slice_of(endpoint("x", "node-1", "unready"))]
    assert exposure.of_service(service("NodePort"), unready, NODES) == {}


def test_a_load_balancer_address_serves_the_service_port() -> None:
    found = service("LoadBalancer")
    found["status"] = {"loadBalancer": {"ingress": [{"ip": "127.0.0.101"}, {"hostname": "lb"}]}}
    addresses = exposure.of_service(found, BOTH, NODES)
    assert addresses["127.0.0.101", 80] == (("a", 8080), ("b", 8080))
    assert len(addresses) == 3


def test_other_types_protocols_and_port_names_have_no_address() -> None:
    assert exposure.of_service(service("ClusterIP"), BOTH, NODES) == {}
    udp = service("NodePort")
    udp["spec"]["ports"][0]["protocol"] = "UDP"
    assert exposure.of_service(udp, BOTH, NODES) == {}
    other = service("NodePort")
    other["spec"]["ports"][0]["name"] = "metrics"
    assert exposure.of_service(other, BOTH, NODES) == {}


def pod(*ports: dict[str, Any], phase: str = "Running") -> dict[str, Any]:
    return {
        "metadata": {"name": "p", "uid": "u"},
        "spec": {"containers": [{"ports": list(ports)}]},
        "status": {"phase": phase},
    }


def test_a_host_port_is_on_the_pods_node_or_where_it_asks_to_be() -> None:
    found = exposure.of_pod(
        pod(
            {"containerPort": 8080, "hostPort": 18080},
            {"containerPort": 9000, "hostPort": 19000, "hostIP": "127.0.0.1"},
            {"containerPort": 9001, "hostPort": 19001, "hostIP": "0.0.0.0"},
            {"containerPort": 9002},
            {"containerPort": 9003, "hostPort": 19003, "protocol": "UDP"},
        ),
        "127.0.0.11",
    )
    assert found == {
        ("127.0.0.11", 18080): (("u", 8080),),
        ("127.0.0.1", 19000): (("u", 9000),),
        ("127.0.0.11", 19001): (("u", 9001),),
    }


def test_a_pod_that_does_not_run_has_no_host_ports() -> None:
    port = {"containerPort": 8080, "hostPort": 18080}
    assert exposure.of_pod(pod(port, phase="Pending"), "127.0.0.11") == {}
    assert exposure.of_pod(pod(port, phase="Succeeded"), "127.0.0.11") == {}
    assert exposure.of_pod(pod(port), "") == {}
