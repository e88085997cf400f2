"""What the runtime says when there is nothing to forward to."""

from __future__ import annotations

import asyncio

import pytest

from kfwd.sim.faults import Settings
from kfwd.sim.node import PortMap
from kfwd.sim.runtime import Ending, Runtime
from tests.sim.test_relay import Recorder


async def ending(ports: PortMap, settings: Settings) -> Ending:
    """How a forward to the pod's port 80 ends."""
    runtime = Runtime(ports, settings, "u1")
    ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
    runtime.forward(Recorder(), 80, ended.set_result)
    try:
        return await ended
    finally:
        await runtime.close()


def ports_of_a_pod(ports: dict[int, int]) -> PortMap:
    found = PortMap()
    found.publish("u1", ports)
    return found


@pytest.mark.parametrize(
    ("order", "closed"), [("containerd16", True), ("crio", True), ("main", False)]
)
@pytest.mark.parametrize("real", [{}, {80: 1}], ids=["not mapped", "nothing listens"])
async def test_a_refused_port_is_told_and_who_closes_the_stream(
    order: str, closed: bool, real: dict[int, int]
) -> None:
    settings = Settings(error_order=order)  # type: ignore[arg-type]  # from a table
    found = await ending(ports_of_a_pod(real), settings)
    assert found.text is not None
    assert "connection refused" in found.text
    assert found.closed is closed


async def test_a_pod_that_is_gone_is_told_before_the_stream_is_touched() -> None:
    found = await ending(PortMap(), Settings())
    assert found.text is not None
    assert "network namespace for sandbox" in found.text
    assert not found.closed


async def test_a_pod_that_closes_ends_without_text() -> None:
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    try:
        real = server.sockets[0].getsockname()[1]
        found = await ending(ports_of_a_pod({80: real}), Settings(half_close_ms=10))
    finally:
        server.close()
    assert found == Ending(None, closed=True)


async def test_closing_leaves_no_connection_behind() -> None:
    closed = asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.read() == b""
        writer.close()
        closed.set()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    runtime = Runtime(ports_of_a_pod({80: server.sockets[0].getsockname()[1]}), Settings(), "u1")
    stream = Recorder()
    runtime.forward(stream, 80, lambda ending: None)
    async with asyncio.timeout(5):
        while not stream.woken:  # noqa: ASYNC110 - what changes is inside the relay
            await asyncio.sleep(0.005)
        await runtime.close()
        await closed.wait()
    server.close()
