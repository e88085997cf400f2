from __future__ import annotations

import pytest

from kfwd.sim import allocate
from kfwd.sim.allocate import PodAddresses


def spec(**fields: object) -> dict[str, dict[str, object]]:
    return {"spec": {"ports": [{"port": 80}], **fields}}


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
    allocate.service(first, [])
    allocate.service(second, [first])
    allocate.service(headless, [first, second])
    assert first["spec"]["clusterIP"] != second["spec"]["clusterIP"]
    assert first["spec"]["clusterIPs"] == [first["spec"]["clusterIP"]]
    assert headless["spec"]["clusterIP"] == "None"


def test_node_ports_are_given_once_and_only_to_types_that_have_them() -> None:
    plain, first, second = spec(), spec(type="NodePort"), spec(type="LoadBalancer")
    for found, others in ((plain, []), (first, [plain]), (second, [plain, first])):
        allocate.service(found, others)
    ports = [found["spec"]["ports"][0].get("nodePort") for found in (plain, first, second)]  # type: ignore[index]  # a list
    assert ports == [None, 30000, 30001]


def test_an_external_name_has_no_address() -> None:
    found = spec(type="ExternalName")
    allocate.service(found, [])
    assert "clusterIP" not in found["spec"]
