from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

import pytest

from kfwd.sim.allocate import BalancerAddresses
from kfwd.sim.controllers.balancers import LoadBalancers
from kfwd.sim.store import Store
from tests.sim.builders import create, filled, service
from tests.sim.turns import acting, quiet

ADDRESSES = ("127.0.0.101", "127.0.0.102")


def anything(addresses: Iterable[str], port: int) -> bool:
    return True


def only_high_ports(addresses: Iterable[str], port: int) -> bool:
    return port >= 1024


def balancers(can_bind: Any = anything) -> Any:
    return partial(LoadBalancers, addresses=BalancerAddresses(ADDRESSES), can_bind=can_bind)


def wanted(name: str, port: int = 80, **spec: object) -> dict[str, Any]:
    found = service(name, {"http": port})
    found["spec"] |= {"type": "LoadBalancer", **spec}
    return found


def addresses(store: Store, name: str) -> list[str]:
    found = store.get("services", "demo", name) or {}
    return [point["ip"] for point in found["status"]["loadBalancer"].get("ingress", ())]


async def test_each_load_balancer_has_an_address_of_its_own_while_there_are_some() -> None:
    store = filled()
    async with acting(store, balancers()):
        for name in ("a", "b", "c"):
            create(store, wanted(name))
        await quiet(store)
        assert [addresses(store, name) for name in ("a", "b", "c")] == [
            [ADDRESSES[0]],
            [ADDRESSES[1]],
            [],
        ]


async def test_an_address_comes_back_when_its_service_goes_or_changes_its_type() -> None:
    store = filled()
    async with acting(store, balancers()):
        for name in ("a", "b"):
            create(store, wanted(name))
        await quiet(store)
        store.delete("services", "demo", "a")
        store.update("services", "demo", "b", lambda copy: copy["spec"].update(type="ClusterIP"))
        await quiet(store)
        assert addresses(store, "b") == []
        for name in ("c", "d"):
            create(store, wanted(name))
        await quiet(store)
        assert {*addresses(store, "c"), *addresses(store, "d")} == set(ADDRESSES)


async def test_a_port_that_cannot_be_bound_leaves_the_service_pending(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = filled()
    async with acting(store, balancers(only_high_ports)):
        with caplog.at_level(logging.WARNING):
            create(store, wanted("low"))
            await quiet(store)
        create(store, wanted("high", port=8080))
        await quiet(store)
    assert addresses(store, "low") == []
    assert "service demo/low stays pending: 127.0.0.101:80 cannot be bound" in caplog.text
    assert addresses(store, "high") == [ADDRESSES[1]]


async def test_another_class_and_a_status_of_its_own_are_left_alone() -> None:
    store = filled()
    create(store, wanted("own"))
    given = {"loadBalancer": {"ingress": [{"ip": "127.0.0.50"}]}}
    store.update("services", "demo", "own", lambda copy: copy.update(status=given))
    async with acting(store, balancers()):
        create(store, wanted("other", loadBalancerClass="example.com/none"))
        store.update("services", "demo", "own", lambda copy: copy["metadata"].update(labels={}))
        await quiet(store)
    assert addresses(store, "other") == []
    assert addresses(store, "own") == ["127.0.0.50"]
