"""Forwards that go around the API server, and policies, on a whole cluster."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Sim
from tests.e2e.test_cli import Shell, fetch, until

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def shell(sim: Sim, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A namespace of its own in a simulated cluster, and a daemon."""
    sim.admin("GET", "/sim/faults")  # skips where the cluster is a real one
    name = sim.namespace(replicas=2)
    shell = Shell(sim, name, tmp_path_factory.mktemp("direct"))
    yield shell
    subprocess.run(["kfwd", "daemon", "stop"], env=shell.env, capture_output=True, check=False)


def expose(sim: Sim, shell: Shell, kind: str) -> None:
    patch = f'{{"spec":{{"type":"{kind}"}}}}'
    sim.kubectl("patch", "svc", "web", "-n", shell.namespace, "-p", patch)


@pytest.fixture
def direct(sim: Sim, shell: Shell) -> Iterator[Any]:
    """A forward with `via: direct` to a service with node ports: how it is now."""
    expose(sim, shell, "NodePort")
    added = ["svc/web", ":http", "-n", shell.namespace, "--via", "direct", "--name", "direct"]
    shell("add", *added, "--wait", "10")
    yield lambda: shell.entries()["-/direct"]
    shell("rm", "direct")


def local(entry: Any) -> str:
    port: str = entry["ports"][0]["listen"][0].rpartition(":")[2]
    return port


def hosts(entry: Any) -> set[str]:
    """The addresses that answer, without their port."""
    answering = [each["address"] for each in entry["endpoints"] if each["ready"]]
    return {address.rpartition(":")[0] for address in answering if address}


def node_addresses(sim: Sim) -> dict[str, str]:
    path = "{range .items[*]}{.metadata.name} {.status.addresses[0].address} {end}"
    words = sim.kubectl("get", "nodes", "-o", f"jsonpath={path}").stdout.split()
    return dict(zip(words[::2], words[1::2], strict=True))


def test_connections_go_straight_to_every_node(sim: Sim, direct: Any) -> None:
    entry = direct()
    assert (entry["state"], entry["via"], entry["transport"]) == ("ready", "direct", None)
    until(lambda: hosts(direct()) == set(node_addresses(sim).values()))
    pods = {fetch(local(entry)).split()[0] for _ in range(16)}
    assert len(pods) == 2
    assert direct()["connections"]["failed"] == 0


def test_a_node_is_followed_to_another_address(sim: Sim, direct: Any) -> None:
    before = node_addresses(sim)["node-4"]
    after = before.rpartition(".")[0] + ".77"

    def move(address: str) -> None:
        patch = f'[{{"op":"replace","path":"/status/addresses/0/address","value":"{address}"}}]'
        sim.kubectl("patch", "node", "node-4", "--subresource=status", "--type=json", "-p", patch)

    move(after)
    try:
        until(lambda: after in hosts(direct()) and before not in hosts(direct()))
        for _ in range(8):
            fetch(local(direct()))
        assert direct()["connections"]["failed"] == 0
    finally:
        move(before)


def test_a_tunnel_serves_while_nothing_else_leads_there(
    sim: Sim, shell: Shell, direct: Any
) -> None:
    expose(sim, shell, "ClusterIP")
    until(lambda: direct()["via"] == "tunnel" and direct()["state"] == "ready")
    assert direct()["problem"]["code"] == "no-direct-address"
    assert fetch(local(direct())).startswith("pod=web-")
    expose(sim, shell, "NodePort")
    until(lambda: direct()["via"] == "direct")
    assert direct()["problem"] is None
    assert fetch(local(direct())).startswith("pod=web-")


def test_tunnels_take_turns_where_that_is_asked_for(shell: Shell) -> None:
    target = ["svc/web", ":http", "-n", shell.namespace, "--name", "turns"]
    shell("add", *target, "--spread", "round-robin", "--wait", "10")
    entry = shell.entries()["-/turns"]
    pods = [fetch(local(entry)).split()[0] for _ in range(4)]
    assert len(set(pods)) == 2
    assert pods[:2] == pods[2:]
    shell("rm", "turns")
