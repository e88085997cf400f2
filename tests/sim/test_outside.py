"""Listening for services and pods, over real sockets."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator

import pytest

from kfwd.sim.faults import Faults
from kfwd.sim.node import Node, PortMap
from kfwd.sim.outside import Outside
from tests.ports import free_port

NET = f"127.{100 + os.getpid() % 100}.8"
WEB = ("service", "demo", "web")


class World:
    """Pods `a` and `b` that run, and what listens for them."""

    def __init__(self) -> None:
        self.ports = PortMap()
        self.node = Node(self.ports)
        self.faults = Faults()
        self.outside = Outside(self.ports, self.faults)

    async def start(self) -> None:
        for uid in ("a", "b"):
            await self.node.start_pod({"metadata": {"name": f"pod-{uid}", "uid": uid}})

    async def close(self) -> None:
        await self.outside.close()
        await self.node.close()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    found = World()
    await found.start()
    yield found
    await found.close()


async def fetch(address: tuple[str, int]) -> str:
    """The name of the pod that answers."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    try:
        body = (await reader.read()).rpartition(b"\r\n")[2].decode()
    finally:
        writer.close()
        await writer.wait_closed()
    return body.split()[0].removeprefix("pod=")


async def test_connections_are_spread_over_the_pods(world: World) -> None:
    address = (f"{NET}.1", free_port(f"{NET}.1"))
    world.outside.publish(WEB, {address: (("a", 8080), ("b", 8080))})
    assert {await fetch(address) for _ in range(40)} == {"pod-a", "pod-b"}


async def test_other_back_ends_take_the_next_connection_at_the_same_socket(world: World) -> None:
    address = (f"{NET}.1", free_port(f"{NET}.1"))
    world.outside.publish(WEB, {address: (("a", 8080),)})
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET /slow?ms=100 HTTP/1.1\r\nHost: x\r\n\r\n")
    world.outside.publish(WEB, {address: (("b", 8080),)})
    assert await fetch(address) == "pod-b"
    assert b"X-Pod: pod-a" in await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()


async def test_an_address_that_is_not_wanted_any_more_refuses(world: World) -> None:
    address = (f"{NET}.1", free_port(f"{NET}.1"))
    world.outside.publish(WEB, {address: (("a", 8080),)})
    assert world.outside.addresses(WEB) == {address}
    world.outside.publish(WEB, {})
    assert world.outside.addresses(WEB) == set()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)


async def test_a_port_in_use_is_left_out_and_said_so(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server((f"{NET}.2", 0)) as taken, caplog.at_level(logging.WARNING):
        busy, free = taken.getsockname(), (f"{NET}.1", free_port(f"{NET}.1"))
        world.outside.publish(WEB, {busy: (("a", 8080),), free: (("a", 8080),)})
    assert world.outside.addresses(WEB) == {free}
    assert f"{busy[0]}:{busy[1]} cannot be served" in caplog.text


async def test_a_pod_port_without_a_process_resets(world: World) -> None:
    address = (f"{NET}.1", free_port(f"{NET}.1"))
    world.outside.publish(WEB, {address: (("a", 9999), ("gone", 8080))})
    for _ in range(4):
        with pytest.raises(ConnectionResetError):
            await fetch(address)


async def test_closing_ends_what_is_open(world: World) -> None:
    address = (f"{NET}.1", free_port(f"{NET}.1"))
    outside = Outside(world.ports)
    outside.publish(WEB, {address: (("a", 9000),)})
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"x")
    assert await reader.readexactly(1) == b"x"
    await outside.close()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_while_the_outside_is_down_every_address_refuses(world: World) -> None:
    address, other = (f"{NET}.1", free_port(f"{NET}.1")), (f"{NET}.2", free_port(f"{NET}.1"))
    world.outside.publish(WEB, {address: (("a", 9000),)})
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"x")
    assert await reader.readexactly(1) == b"x"
    world.faults.merge(b'{"outside_down": true}')
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(1)
    world.outside.publish("late", {other: (("b", 8080),)})
    for refused in (address, other):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*refused)
    world.faults.merge(b'{"outside_down": false}')
    assert await fetch(other) == "pod-b"
    writer.close()
    with pytest.raises(ConnectionResetError):
        await writer.wait_closed()
