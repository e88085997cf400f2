"""Pods' lives on a node: start, preStop, grace, kill."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from kfwd.sim.node import Node, PortMap, pre_stop_seconds
from kfwd.sim.probe import PORTS
from tests.sim.clients import connect

UID = "u1"


def pod(hook: dict[str, object] | None = None, grace: int = 30) -> dict[str, object]:
    container = {"name": "c", "lifecycle": {"preStop": hook}} if hook else {"name": "c"}
    spec = {"containers": [container], "terminationGracePeriodSeconds": grace}
    return {"metadata": {"name": "web-0", "uid": UID}, "spec": spec}


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    node = Node(PortMap())
    yield node
    await node.close()


async def test_every_probe_port_listens_whatever_the_pod_declares(node: Node) -> None:
    await node.start_pod(pod())
    for port in PORTS:
        address = node._ports.address(UID, port)
        assert address is not None
        async with connect(address[1]):
            pass
    assert node._ports.address(UID, 9999) is None
    assert node._ports.address("other", 8080) is None


async def test_starting_twice_changes_nothing(node: Node) -> None:
    await node.start_pod(pod())
    before = node._ports.address(UID, 8080)
    await node.start_pod(pod())
    assert node._ports.address(UID, 8080) == before


async def test_a_stopped_pod_has_no_sandbox_and_no_sockets(node: Node) -> None:
    await node.start_pod(pod())
    _, port = node._ports.address(UID, 9000) or ("", 0)
    await node.stop_pod(pod())
    assert not node._ports.has_sandbox(UID)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_sandbox_outlives_its_processes_and_refuses() -> None:
    ports = PortMap()
    node = Node(ports, sandbox_s=lambda: 0.2)
    await node.start_pod(pod())
    _, port = ports.address(UID, 9000) or ("", 0)
    async with connect(port) as tcp:
        stopping = asyncio.gather(node.stop_pod(pod(), grace_s=0.1))
        assert await tcp.reader.read() == b""
    assert ports.has_sandbox(UID)
    assert ports.address(UID, 9000) is None
    await stopping
    assert not ports.has_sandbox(UID)
    await node.close()


async def test_stopping_a_pod_that_does_not_run_returns_at_once(node: Node) -> None:
    await node.stop_pod(pod())


async def test_during_pre_stop_the_pod_still_serves(node: Node) -> None:
    await node.start_pod(pod({"sleep": {"seconds": 0.2}}))
    loop = asyncio.get_running_loop()
    started = loop.time()
    stopping = asyncio.gather(node.stop_pod(pod()))
    await asyncio.sleep(0.05)
    _, port = node._ports.address(UID, 9001) or ("", 0)
    async with connect(port) as tcp:
        tcp.writer.write_eof()
        assert await tcp.reader.read() == b"0\n"
    await stopping
    assert loop.time() - started >= 0.2


async def test_the_grace_period_covers_pre_stop_and_open_requests(node: Node) -> None:
    await node.start_pod(pod({"sleep": {"seconds": 60}}))
    async with asyncio.timeout(5):
        await node.stop_pod(pod(), 0.05)


async def test_an_open_request_is_cut_when_the_grace_period_ends(node: Node) -> None:
    await node.start_pod(pod())
    _, port = node._ports.address(UID, 9001) or ("", 0)
    async with connect(port) as tcp:
        tcp.writer.write(b"never ends")
        await asyncio.sleep(0.02)
        await node.stop_pod(pod(), 0.1)
        assert await tcp.reader.read() == b""


async def test_a_second_stop_can_bring_the_end_forward_but_not_put_it_off(node: Node) -> None:
    await node.start_pod(pod({"sleep": {"seconds": 60}}))
    async with asyncio.timeout(5):
        await asyncio.gather(node.stop_pod(pod(), 40), later(node, 50), later(node, 0.05))


async def later(node: Node, grace_s: float) -> None:
    await asyncio.sleep(0.02)
    await node.stop_pod(pod(), grace_s)


async def test_a_pod_deleted_while_it_starts_is_gone_in_the_end(node: Node) -> None:
    await asyncio.gather(node.start_pod(pod()), node.stop_pod(pod(), 0))
    await node.stop_pod(pod(), 0)
    assert not node._ports.has_sandbox(UID)


@pytest.mark.parametrize(
    ("hook", "seconds"),
    [
        (None, 0),
        ({"sleep": {"seconds": 2}}, 2),
        ({"exec": {"command": ["sleep", "3"]}}, 3),
        ({"exec": {"command": ["/bin/sh", "-c", "sleep 1.5"]}}, 1.5),
        ({"exec": {"command": ["sleep", "long"]}}, 0),
        ({"exec": {"command": ["sleep"]}}, 0),
        ({"httpGet": {"path": "/quit"}}, 0),
    ],
)
def test_a_pre_stop_hook_sleeps_as_long_as_it_says(
    hook: dict[str, object] | None, seconds: float
) -> None:
    assert pre_stop_seconds(pod(hook)) == seconds


def test_of_several_containers_the_longest_hook_counts() -> None:
    hooks = [{"lifecycle": {"preStop": {"sleep": {"seconds": n}}}} for n in (1, 4, 2)]
    assert pre_stop_seconds({"spec": {"containers": hooks}}) == 4


async def test_a_pods_log_is_there_while_the_pod_is(node: Node) -> None:
    await node.start_pod(pod())
    log = node.log(UID)
    assert log is not None
    assert [line.text for line in log.lines()] == ["probe web-0 is listening"]
    await node.stop_pod(pod())
    assert node.log(UID) is None
    assert await log.following(1) == []
