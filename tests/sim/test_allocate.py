from __future__ import annotations

import pytest

from kfwd.sim import allocate
from kfwd.sim.allocate import PodAddresses


def spec(**fields: object) -> dict[str, dict[str, object]]:
    return {"spec": {"ports": [{"port": 80}], **fields}}


def anything(port: int) -> bool:
    """A machine on which every port is free."""
    return True


def ports_of(service: dict[str, dict[str, object]]) -> list[object]:
    return [port.get("nodePort") for port in service["spec"]["ports"]]  # type: ignore[attr-defined]  # a list


def test_pod_addresses_lie_in_127_8_and_rest_before_they_are_used_again() -> None:
    addresses = PodAddresses()
    first = addresses.take()
    addresses.release(first)
    later = {addresses.take() for _ in range(500)}
    assert len(later) == 500
    assert first not in later
    assert all(address.startswith("127.1.") for address in later)


def test_a_released_address_is_found_when_the_turn_is_over() -> None:
    addresses = PodAddresses()
    for _ in range(256 * 254):
        last = addresses.take()
    with pytest.raises(RuntimeError):
        addresses.take()
    addresses.release(last)
    assert addresses.take() == last


def test_services_get_different_addresses_and_keep_what_they_ask_for() -> None:
    first, second, headless = spec(), spec(), spec(clusterIP="None")
    allocate.service(first, [], anything)
    allocate.service(second, [first], anything)
    allocate.service(headless, [first, second], anything)
    assert first["spec"]["clusterIP"] != second["spec"]["clusterIP"]
    assert first["spec"]["clusterIPs"] == [first["spec"]["clusterIP"]]
    assert headless["spec"]["clusterIP"] == "None"


def test_node_ports_are_given_once_and_only_to_types_that_have_them() -> None:
    plain, first, second = spec(), spec(type="NodePort"), spec(type="LoadBalancer")
    for found, others in ((plain, []), (first, [plain]), (second, [plain, first])):
        allocate.service(found, others, anything)
    ports = [found["spec"]["ports"][0].get("nodePort") for found in (plain, first, second)]  # type: ignore[index]  # a list
    assert ports == [None, 30000, 30001]


def test_a_node_port_that_something_else_has_is_not_given() -> None:
    found = spec(type="NodePort")
    allocate.service(found, [], lambda port: port > 30002)
    assert ports_of(found) == [30003]


def test_a_balancer_may_do_without_node_ports() -> None:
    found = spec(type="LoadBalancer", allocateLoadBalancerNodePorts=False)
    allocate.service(found, [], anything)
    assert ports_of(found) == [None]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (30080, "Invalid value: 30080: provided port is already allocated"),
        (
            8080,
            "Invalid value: 8080: provided port is not in the valid range. "
            "The range of valid ports is 30000-32767",
        ),
    ],
)
def test_node_ports_that_cannot_be_had_are_faults(asked: int, message: str) -> None:
    taken = spec(type="NodePort", ports=[{"port": 1, "nodePort": 30080}])
    wanted = spec(type="NodePort", ports=[{"port": 1, "nodePort": asked}])
    faults = allocate.node_port_faults(wanted, [taken])
    assert faults == [("spec.ports[0].nodePort", message)]


def test_an_update_that_leaves_out_address_and_node_port_keeps_them() -> None:
    old = spec(type="NodePort", clusterIP="127.96.0.9", ports=[{"port": 80, "nodePort": 30080}])
    new = spec(type="NodePort", ports=[{"port": 80}, {"port": 81}])
    allocate.keep(old, new)
    assert new["spec"]["clusterIP"] == "127.96.0.9"
    assert ports_of(new) == [30080, None]


def test_node_ports_go_with_the_type_that_needs_them() -> None:
    old = spec(type="NodePort", ports=[{"port": 80, "nodePort": 30080}])
    new = spec(type="ClusterIP", ports=[{"port": 80, "nodePort": 30080}])
    allocate.keep(old, new)
    assert ports_of(new) == [None]


def test_an_external_name_has_no_address() -> None:
    found = spec(type="ExternalName")
    allocate.service(found, [], anything)
    assert "clusterIP" not in found["spec"]
