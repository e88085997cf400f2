from __future__ import annotations

from typing import Any

import pytest

from kfwd.sim.controllers.scheduler import Scheduler, choose, conflict, host_ports
from tests.sim.builders import create, filled, node, pod
from tests.sim.turns import acting, quiet

NODES = [{**node(f"n{i}", f"127.0.0.{i}", ""), "spec": {}} for i in (1, 2)]


def on(node_name: str, *ports: int, owner: str | None = None) -> dict[str, Any]:
    """A pod on a node, with host ports and an owner."""
    found = pod("p", nodeName=node_name)
    found["spec"]["containers"][0]["ports"] = [{"hostPort": p, "containerPort": p} for p in ports]
    if owner:
        found["metadata"]["ownerReferences"] = [{"uid": owner, "controller": True}]
    return found


def test_the_emptiest_node_is_chosen_and_siblings_are_spread() -> None:
    assert choose(on(""), NODES, [on("n1")]) == ("n2", "")
    running = [on("n1", owner="x"), on("n2"), on("n2")]
    assert choose(on("", owner="x"), NODES, running) == ("n2", "")


def test_a_host_port_is_free_once_a_node() -> None:
    assert choose(on("", 80), NODES, [on("n2"), on("n1", 80)]) == ("n2", "")
    found, why = choose(on("", 80), NODES, [on("n1", 80), on("n2", 80)])
    assert found is None
    assert why == (
        "0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports."
    )


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        (("TCP", 80, "0.0.0.0"), ("TCP", 80, "127.0.0.1"), True),
        (("TCP", 80, "127.0.0.1"), ("TCP", 80, "127.0.0.1"), True),
        (("TCP", 80, "127.0.0.1"), ("TCP", 80, "127.0.0.2"), False),
        (("TCP", 80, "0.0.0.0"), ("UDP", 80, "0.0.0.0"), False),
        (("TCP", 80, "0.0.0.0"), ("TCP", 81, "0.0.0.0"), False),
    ],
)
def test_host_ports_clash_by_protocol_number_and_address(
    first: tuple[str, int, str], second: tuple[str, int, str], clash: bool
) -> None:
    assert conflict([first], [second]) is clash


def test_selectors_and_cordons_rule_nodes_out() -> None:
    wanted = pod("p", nodeSelector={"kubernetes.io/hostname": "n2"})
    assert choose(wanted, NODES, [])[0] == "n2"
    cordoned = [NODES[0], {**NODES[1], "spec": {"unschedulable": True}}]
    found, why = choose(wanted, cordoned, [])
    assert found is None
    assert "1 node(s) were unschedulable" in why
    assert "1 node(s) didn't match Pod's node affinity/selector" in why


def test_only_declared_host_ports_count() -> None:
    assert list(host_ports(pod("p"))) == []
    assert list(host_ports(on("", 80))) == [("TCP", 80, "0.0.0.0")]


async def test_a_pod_that_fits_nowhere_waits_until_another_goes() -> None:
    store = filled()
    async with acting(store, Scheduler):
        for number in range(5):
            wanted = on("", 80)
            wanted["metadata"]["name"] = f"p{number}"
            del wanted["spec"]["nodeName"]
            create(store, wanted)
        await quiet(store)
        left = [p for p in store.objects("pods") if "nodeName" not in p["spec"]]
        assert len(left) == 1
        condition = left[0]["status"]["conditions"][0]
        assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
        gone = next(p for p in store.objects("pods") if "nodeName" in p["spec"])
        store.delete("pods", "demo", gone["metadata"]["name"])
        await quiet(store)
        assert all("nodeName" in p["spec"] for p in store.objects("pods"))


async def test_another_schedulers_pods_are_left_alone() -> None:
    store = filled()
    async with acting(store, Scheduler):
        create(store, pod("a", schedulerName="mine"))
        await quiet(store)
    assert "nodeName" not in store.objects("pods")[0]["spec"]
