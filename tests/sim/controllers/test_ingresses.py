from __future__ import annotations

from functools import partial
from typing import Any

from kfwd.sim.allocate import BalancerAddresses
from kfwd.sim.content import classes, ingress
from kfwd.sim.controllers.ingresses import Ingresses, class_of
from kfwd.sim.store import Store
from tests.sim.builders import create, filled
from tests.sim.turns import acting, quiet

INGRESS_CLASS = classes()[0]


def controller() -> Any:
    return partial(Ingresses, addresses=BalancerAddresses(["127.0.0.101"]))


def of_class(name: str, found: str) -> dict[str, Any]:
    made = ingress(name, "a.example.com")
    made["spec"]["ingressClassName"] = found
    return made


def status(store: Store, name: str) -> object:
    return (store.get("ingresses", "demo", name) or {})["status"]["loadBalancer"]


ADDRESS = {"ingress": [{"ip": "127.0.0.101"}]}


async def test_ingresses_of_one_class_share_its_address_and_others_have_none() -> None:
    store = filled()
    async with acting(store, controller()):
        create(store, INGRESS_CLASS)
        for name, found in (("a", "sim"), ("b", "sim"), ("c", "none")):
            create(store, of_class(name, found))
        await quiet(store)
        assert [status(store, name) for name in ("a", "b", "c")] == [ADDRESS, ADDRESS, {}]


async def test_an_address_comes_and_goes_with_the_class() -> None:
    store = filled()
    async with acting(store, controller()):
        create(store, of_class("a", "sim"))
        await quiet(store)
        assert status(store, "a") == {}
        create(store, INGRESS_CLASS)
        await quiet(store)
        assert status(store, "a") == ADDRESS
        store.delete("ingressclasses", "", "sim")
        await quiet(store)
        assert status(store, "a") == {}


def test_a_class_is_named_by_field_or_by_the_old_annotation() -> None:
    assert class_of(of_class("a", "sim")) == "sim"
    old = ingress("a", "a.example.com")
    assert class_of(old) == ""
    old["metadata"]["annotations"] = {"kubernetes.io/ingress.class": "nginx"}
    assert class_of(old) == "nginx"


def test_an_ingress_without_a_class_gets_the_default_one() -> None:
    store = filled()
    before = create(store, ingress("before", "a.example.com"))
    assert "ingressClassName" not in before["spec"]
    create(store, INGRESS_CLASS)
    assert create(store, ingress("after", "b.example.com"))["spec"]["ingressClassName"] == "sim"
    old = ingress("old", "c.example.com")
    old["metadata"]["annotations"] = {"kubernetes.io/ingress.class": "nginx"}
    assert "ingressClassName" not in create(store, old)["spec"]
