"""Each hop from an API server to a process, broken on its own: it is the one that is named."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kfwd.model import GatewaySpec, ProxySpec, State
from kfwd.sim import content
from tests.daemon.doctor.rig import Examined, examined

WELL = dict.fromkeys(("rbac", "pod", "port", "transport", "local-port"), "ok")


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Examined]:
    async with examined(tmp_path) as rig:
        yield rig


async def test_all_is_well_before_anything_went_through(rig: Examined) -> None:
    id = await rig.add("web")
    found = await rig.walk(entry=id)
    assert found.states(id) == WELL
    assert found.states("sim")["api"] == "ok"
    assert found.diagnosis.well
    assert found[id, "rbac"].text == "you may create and get pods/portforward in namespace demo"
    assert found[id, "pod"].text.startswith("ready: web-")
    assert found[id, "port"].latency_ms is not None
    assert found[id, "transport"].text == "spdy works"


@pytest.mark.parametrize(
    ("verb", "state", "exit_code"), [("create", "broken", 7), ("get", "warning", 0)]
)
async def test_rights_that_are_missing(
    rig: Examined, verb: str, state: str, exit_code: int
) -> None:
    rig.faults(forbid=[f"{verb} pods/portforward"])
    id = await rig.add("web")
    found = await rig.walk(entry=id)
    assert found.first == (id, "rbac", "portforward-forbidden")
    assert found[id, "rbac"].state == state
    assert f"you may not {verb} pods/portforward in namespace demo" in found[id, "rbac"].text
    assert found.diagnosis.exit_code == exit_code
    assert found[id, "transport"].state == ("skipped" if state == "broken" else "ok")
    assert found[id, "local-port"].state == "ok"


async def test_pods_that_may_not_be_read_are_exit_7(rig: Examined) -> None:
    rig.faults(forbid=["* pods", "* deployments", "* endpointslices"])
    id = await rig.add("web")
    await rig.problem(id)
    found = await rig.walk(entry=id)
    assert found.first[:2] == (id, "pod")
    assert found.diagnosis.exit_code == 7


async def test_a_target_without_pods_and_one_that_is_not_there(rig: Examined) -> None:
    for name, target, code in (
        ("none", "svc/none", "not-found"),
        ("labels", "app=nobody", "no-endpoints"),
    ):
        id = await rig.add(name, target=target)
        await rig.problem(id)
        found = await rig.walk(entry=id)
        assert found.first == (id, "pod", code)
        assert found[id, "port"].state == found[id, "transport"].state == "skipped"
        assert found.diagnosis.exit_code == 1


async def test_a_port_that_the_target_does_not_have(rig: Examined) -> None:
    id = await rig.add("web", "nope")
    await rig.problem(id)
    found = await rig.walk(entry=id)
    assert found.first == (id, "port", "no-such-port")
    assert found[id, "pod"].state == "ok"


async def test_a_port_on_which_nothing_listens(rig: Examined) -> None:
    id = await rig.add("web", "8081", target="deploy/web")
    await rig.state(id, State.READY)
    found = await rig.walk(entry=id)
    assert found.first == (id, "port", "port-refused")
    assert found[id, "port"].text.startswith("nothing listens on port 8081 in web-")
    assert found[id, "pod"].state == "ok"


async def test_transports_that_are_let_through_nowhere(rig: Examined) -> None:
    rig.faults(refuse_upgrade=400)
    id = await rig.add("web")
    found = await rig.walk(entry=id)
    assert found.first == (id, "transport", "upgrade-failed")
    assert found[id, "transport"].text.startswith("no session can be opened: ")
    assert "proxy" in (found[id, "transport"].hint or "")
    assert found[id, "port"].state == "skipped"


async def test_a_local_port_that_somebody_else_has(rig: Examined) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        id = await rig.add("web", local=taken.getsockname()[1])
        found = await rig.walk(entry=id)
    assert found.first == (id, "local-port", "port-in-use")
    assert {**found.states(id), "local-port": "ok"} == WELL


async def test_behind_a_dead_api_server_only_the_local_port_is_walked(rig: Examined) -> None:
    id = await rig.add("web")
    await rig.state(id, State.READY)
    rig.faults(api_down=True)
    found = await rig.walk(entry=id)
    assert found.first[:2] == ("sim", "tcp") or found.first[:2] == ("sim", "tls")
    assert found.states(id) == {**dict.fromkeys(WELL, "skipped"), "local-port": "ok"}
    assert len(found.diagnosis.findings) == 1


async def test_a_paused_entry_is_not_walked(rig: Examined) -> None:
    id = await rig.add("web")
    await rig.rig.daemon.pause(id, True)
    found = await rig.walk(entry=id)
    assert set(found.states(id).values()) == {"skipped"}
    assert found.diagnosis.well


async def test_what_other_kinds_of_entries_need(rig: Examined) -> None:
    whole = await rig.put(ProxySpec(name="api", port=0))
    found = await rig.walk(entry=whole)
    assert found.states(whole) == {**dict.fromkeys(WELL, "skipped"), "local-port": "ok"}
    app = await rig.put(ProxySpec(name="app", target="svc/web:http", via="api-proxy", port=0))
    await rig.state(app, State.READY)
    found = await rig.walk(entry=app)
    assert found[app, "rbac"].text == "you may get services/proxy in namespace demo"
    assert found[app, "pod"].state == found[app, "transport"].state == "ok"
    rig.faults(forbid=["get services/proxy"])
    found = await rig.walk(entry=app)
    assert (found.first, found.diagnosis.exit_code) == ((app, "rbac", "forbidden"), 7)
    gateway = await rig.put(GatewaySpec(port=0))
    await rig.state(gateway, State.READY)
    found = await rig.walk(entry=gateway)
    assert found.states(gateway) == {
        "rbac": "ok",
        "pod": "ok",
        "port": "skipped",
        "transport": "skipped",
        "local-port": "ok",
    }


async def test_a_pod_that_is_not_ready(rig: Examined) -> None:
    spec = content.probe_spec()
    spec["containers"][0]["readinessProbe"] = {"initialDelaySeconds": 3600}
    about = {"name": "slow", "namespace": "demo", "labels": {"app": "slow"}}
    slow = {"kind": "Pod", "apiVersion": "v1", "metadata": about, "spec": spec}
    rig.sim.store.create("pods", slow)
    named, chosen = (
        await rig.add("named", "8080", target="pod/slow"),
        await rig.add("chosen", "8080", target="app=slow"),
    )
    await rig.problem(chosen)
    await rig.state(named, State.DEGRADED)
    found = await rig.walk(entry=named)
    assert found[named, "pod"].state == "warning"
    assert found[named, "port"].state == found[named, "transport"].state == "ok"
    assert (found.first, found.diagnosis.exit_code) == ((named, "pod", "pod-not-ready"), 0)
    found = await rig.walk(entry=chosen)
    assert found.first == (chosen, "pod", "no-endpoints")
    assert "not ready" in found[chosen, "pod"].text
