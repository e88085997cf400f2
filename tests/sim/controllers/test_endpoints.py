from __future__ import annotations

from typing import Any

import pytest

from kfwd.sim.controllers import endpoints
from kfwd.sim.controllers.endpoints import EndpointSlices
from kfwd.sim.store import Store, identity
from tests.sim.builders import create, filled, pod, service
from tests.sim.turns import acting, quiet, start

WEB = {"app": "web"}


def running(name: str, number: int, **changes: object) -> dict[str, Any]:
    """A ready pod of `web` that calls this port `http`."""
    found = pod(name, WEB, nodeName="node-1")
    found["metadata"] |= {"uid": name, "namespace": "demo", **changes}
    found["spec"]["containers"][0]["ports"] = [{"name": "http", "containerPort": number}]
    ready = {"type": "Ready", "status": "True"}
    found["status"] = {"podIP": f"127.1.0.{number % 250}", "conditions": [ready]}
    return found


def web() -> dict[str, Any]:
    return service("web", {"http": 80})


@pytest.mark.parametrize(
    ("port", "number"),
    [
        ({"port": 80, "targetPort": "http"}, 8080),
        ({"port": 80, "targetPort": 9000}, 9000),
        ({"port": 80}, 80),
        ({"port": 80, "targetPort": "other"}, None),
        ({"port": 80, "targetPort": "http", "protocol": "UDP"}, None),
    ],
)
def test_target_ports_are_numbers_names_or_the_port_itself(
    port: dict[str, Any], number: int | None
) -> None:
    assert endpoints.target_port(port, running("a", 8080)) == number


def test_pods_that_call_different_ports_by_one_name_are_in_different_slices() -> None:
    pods = [running("a", 8080), running("b", 8081), running("c", 8080)]
    found = endpoints.slices(web(), pods)
    shape = [
        (s["ports"][0]["port"], [e["targetRef"]["name"] for e in s["endpoints"]]) for s in found
    ]
    assert shape == [(8080, ["a", "c"]), (8081, ["b"])]


def test_a_slice_holds_a_hundred_endpoints() -> None:
    found = endpoints.slices(web(), [running(f"p{n}", 8080) for n in range(101)])
    assert [len(s["endpoints"]) for s in found] == [100, 1]


def conditions(pod: dict[str, Any], **spec: object) -> tuple[bool, bool, bool]:
    """(ready, serving, terminating) of the only endpoint."""
    found = web()
    found["spec"] |= spec
    [part] = endpoints.slices(found, [pod])
    values = part["endpoints"][0]["conditions"]
    return values["ready"], values["serving"], values["terminating"]


def test_a_terminating_pod_is_serving_and_not_ready() -> None:
    going = running("a", 8080, deletionTimestamp="x")
    assert conditions(running("a", 8080)) == (True, True, False)
    assert conditions(going) == (False, True, True)


def test_a_pod_that_is_not_ready_is_an_endpoint_all_the_same() -> None:
    found = running("a", 8080)
    found["status"]["conditions"] = []
    assert conditions(found) == (False, False, False)
    assert conditions(found, publishNotReadyAddresses=True) == (True, True, False)


def test_pods_without_an_address_or_that_are_done_are_none() -> None:
    waiting, done = running("a", 8080), running("b", 8080)
    del waiting["status"]["podIP"]
    done["status"]["phase"] = "Succeeded"
    assert endpoints.slices(web(), [waiting, done]) == [{"ports": [], "endpoints": []}]


def test_endpoints_leave_terminating_pods_out_and_tell_ready_ones() -> None:
    unready = running("b", 8080)
    unready["status"]["conditions"] = []
    pods = [running("a", 8080), unready, running("c", 8080, deletionTimestamp="x")]
    [subset] = endpoints.legacy(web(), pods)
    assert [a["targetRef"]["name"] for a in subset["addresses"]] == ["a"]
    assert [a["targetRef"]["name"] for a in subset["notReadyAddresses"]] == ["b"]
    assert subset["ports"] == [{"name": "http", "protocol": "TCP", "port": 8080}]
    assert endpoints.legacy(web(), []) == []


def test_an_empty_selector_selects_nothing() -> None:
    assert not endpoints.selects({"spec": {}}, WEB)
    assert endpoints.selects(web(), {**WEB, "x": "y"})
    assert not endpoints.selects(web(), {"app": "other"})


def shown(store: Store) -> list[tuple[str, bool]]:
    """(pod, ready) of every endpoint in the store."""
    return [
        (e["targetRef"]["name"], e["conditions"]["ready"])
        for s in store.objects("endpointslices")
        for e in s["endpoints"]
    ]


async def test_slices_follow_pods_as_they_come_get_ready_and_go() -> None:
    store = filled()
    async with acting(store, EndpointSlices):
        create(store, web())
        await quiet(store)
        assert shown(store) == []
        made = create(store, pod("a", WEB))
        start(store, made, ready=False)
        await quiet(store)
        assert shown(store) == [("a", False)]
        start(store, made)
        await quiet(store)
        assert shown(store) == [("a", True)]
        store.update("pods", *identity(made), lambda o: o["metadata"].update(labels={}))
        await quiet(store)
        assert shown(store) == []
    [found] = store.objects("endpointslices")
    assert found["metadata"]["labels"][endpoints.SERVICE] == "web"
    assert found["metadata"]["ownerReferences"][0]["kind"] == "Service"
    assert store.get("endpoints", "demo", "web") is not None


async def test_a_deleted_slice_is_made_again_and_a_surplus_one_goes() -> None:
    store = filled()
    async with acting(store, EndpointSlices):
        create(store, web())
        for name, number in (("a", 8080), ("b", 8081)):
            made = pod(name, WEB)
            made["spec"]["containers"][0]["ports"][0]["containerPort"] = number
            start(store, create(store, made))
        await quiet(store)
        first = store.objects("endpointslices")
        assert len(first) == 2
        store.delete("endpointslices", *identity(first[0]))
        await quiet(store)
        assert len(store.objects("endpointslices")) == 2
        store.delete("pods", "demo", "b")
        await quiet(store)
    assert len(store.objects("endpointslices")) == 1
    assert shown(store) == [("a", True)]


async def test_a_service_without_a_selector_is_left_to_its_owner() -> None:
    store = filled()
    async with acting(store, EndpointSlices):
        own = web()
        del own["spec"]["selector"]
        create(store, own)
        await quiet(store)
    assert store.objects("endpointslices") == []
