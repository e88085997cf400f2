from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from kfwd.sim.allocate import BalancerAddresses
from kfwd.sim.content import classes
from kfwd.sim.controllers.gateways import Gateways, listeners
from kfwd.sim.gateway_defaults import GROUP
from kfwd.sim.store import Store
from tests.sim.builders import create, filled, service
from tests.sim.turns import acting, quiet

Obj = dict[str, Any]


def controller() -> Any:
    return partial(Gateways, addresses=BalancerAddresses(["127.0.0.101"]))


def gateway(class_name: str = "sim", **listener: object) -> Obj:
    spec = {
        "gatewayClassName": class_name,
        "listeners": [{"name": "http", "port": 80, "protocol": "HTTP", **listener}],
    }
    return {
        "kind": "Gateway",
        "apiVersion": f"{GROUP}/v1",
        "metadata": {"name": "gw", "namespace": "demo"},
        "spec": spec,
    }


def route(name: str = "r", backend: str = "web", **spec: object) -> Obj:
    rules = [{"backendRefs": [{"name": backend, "port": 80}]}]
    return {
        "kind": "HTTPRoute",
        "apiVersion": f"{GROUP}/v1",
        "metadata": {"name": name, "namespace": "demo"},
        "spec": {"parentRefs": [{"name": "gw"}], "rules": rules, **spec},
    }


def conditions(found: Obj) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in found["conditions"]}


def status(store: Store, resource: str, name: str, namespace: str = "demo") -> Obj:
    found = store.get(resource, namespace, name)
    assert found is not None
    shown: Obj = found["status"]
    return shown


async def test_a_gateway_of_the_class_is_programmed_and_counts_its_routes() -> None:
    store = filled()
    async with acting(store, controller()):
        for obj in (classes()[1], gateway(), service("web", {"http": 80}), route()):
            create(store, obj)
        await quiet(store)
        found = status(store, "gateways", "gw")
        assert conditions(found) == {
            "Accepted": ("True", "Accepted"),
            "Programmed": ("True", "Programmed"),
        }
        assert found["addresses"] == [{"type": "IPAddress", "value": "127.0.0.101"}]
        assert found["listeners"][0]["attachedRoutes"] == 1
        assert conditions(status(store, "gatewayclasses", "sim", "")) == {
            "Accepted": ("True", "Accepted")
        }
        [parent] = status(store, "httproutes", "r")["parents"]
        assert parent["parentRef"]["name"] == "gw"
        assert {reason for _, reason in conditions(parent).values()} == {"Accepted", "ResolvedRefs"}


async def test_a_gateway_of_an_unknown_class_is_nobodys() -> None:
    store = filled()
    async with acting(store, controller()):
        for obj in (gateway("none"), route()):
            create(store, obj)
        await quiet(store)
        assert conditions(status(store, "gateways", "gw"))["Programmed"] == ("Unknown", "Pending")
        assert status(store, "httproutes", "r") == {"parents": []}


async def test_a_route_is_told_why_it_does_not_work() -> None:
    store = filled()
    async with acting(store, controller()):
        for obj in (
            classes()[1],
            gateway(hostname="*.example.com"),
            route("elsewhere", hostnames=["a.example.org"]),
            route("unknown", parentRefs=[{"name": "gw", "sectionName": "https"}]),
            route("lost", backend="missing"),
        ):
            create(store, obj)
        await quiet(store)
        found = {
            name: conditions(status(store, "httproutes", name)["parents"][0])
            for name in ("elsewhere", "unknown", "lost")
        }
        assert found["elsewhere"]["Accepted"] == ("False", "NotAllowedByListeners")
        assert found["unknown"]["Accepted"] == ("False", "NoMatchingParent")
        assert found["lost"]["Accepted"] == ("True", "Accepted")
        assert found["lost"]["ResolvedRefs"] == ("False", "BackendNotFound")
        create(store, service("missing", {"http": 80}))
        await quiet(store)
        [parent] = status(store, "httproutes", "lost")["parents"]
        assert conditions(parent)["ResolvedRefs"] == ("True", "ResolvedRefs")


@pytest.mark.parametrize(
    ("served", "wanted", "taken"),
    [
        (None, None, True),
        ("a.example.com", None, True),
        (None, ["a.example.com"], True),
        ("*.example.com", ["a.example.com"], True),
        ("a.example.com", ["*.example.com"], True),
        ("a.example.com", ["b.example.com"], False),
        ("*.example.com", ["example.com"], False),
    ],
)
def test_host_names_of_route_and_listener_must_meet(
    served: str | None, wanted: list[str] | None, taken: bool
) -> None:
    found = gateway(**({"hostname": served} if served else {}))
    asked = route(hostnames=wanted) if wanted else route()
    assert bool(listeners(asked, {"name": "gw"}, found)) is taken


def test_routes_of_other_namespaces_need_leave() -> None:
    foreign = route()
    foreign["metadata"]["namespace"] = "other"
    ref = {"name": "gw", "namespace": "demo"}
    assert listeners(foreign, ref, gateway()) == []
    allowed = gateway(allowedRoutes={"namespaces": {"from": "All"}})
    assert len(listeners(foreign, ref, allowed)) == 1
