"""The WebSocket tunnel: protocol notes D.3, D.4, D.6 and J.2 rows 25 and 27, frame by frame."""

from __future__ import annotations

import pytest

from kfwd.sim.tunnel import message
from tests.sim.kubelet import kubelet
from tests.sim.spdyclient import SpdyClient
from tests.sim.wsclient import Tunnelled, WebSocketClient, WsFrame

CLOSED = WsFrame(0x88, b"\x03\xe8")


def spdy_in(socket: WebSocketClient) -> tuple[SpdyClient, Tunnelled]:
    carrier = Tunnelled(socket)
    return SpdyClient(carrier, carrier), carrier


async def test_bytes_go_through_the_tunnel_and_back() -> None:
    async with kubelet() as server, server.websocket() as socket:
        client, _ = spdy_in(socket)
        data = client.open(1, 9000, "0")
        client.data(data, b"x" * 100_000)
        received = 0
        while received < 100_000:
            frame = await client.next()
            received += len(frame[2]) if frame[0] == "data" else 0


async def test_message_boundaries_mean_nothing_and_empty_messages_are_fine() -> None:
    async with kubelet() as server, server.websocket() as socket:
        socket.send(b"\x80\x03\x00")
        socket.send(b"")
        socket.send(b"\x06\x00\x00\x00\x04\x00\x00", first=0x02)
        socket.send(b"\x00\x01", first=0x80)
        frame = await socket.frame()
        assert frame == WsFrame(0x82, b"\x80\x03\x00\x06\x00\x00\x00\x04\x00\x00\x00\x01")


@pytest.mark.parametrize(
    ("size", "frames"),
    [
        (0, [(0x82, 0)]),
        (4096, [(0x82, 4096)]),
        (4097, [(0x02, 4096), (0x80, 1)]),
        (8220, [(0x02, 4096), (0x80, 4124)]),
        (8221, [(0x02, 8221), (0x80, 0)]),
        (32768, [(0x02, 32768), (0x80, 0)]),
    ],
)
def test_messages_are_cut_as_gorilla_cuts_them(size: int, frames: list[tuple[int, int]]) -> None:
    raw, found = message(bytes(size)), []
    while raw:
        length, head = raw[1], 2
        if length == 126:
            length, head = int.from_bytes(raw[2:4], "big"), 4
        found.append((raw[0], length))
        raw = raw[head + length :]
    assert found == frames


async def test_no_message_of_the_server_is_longer_than_32_kib() -> None:
    async with kubelet() as server, server.websocket() as socket:
        client, carrier = spdy_in(socket)
        data = client.open(1, 9002, "0")
        client.data(data, b"1000000\n")
        await client.until(("fin", 1))
        assert max(len(frame.payload) for frame in carrier.frames) == 32768
        assert WsFrame(0x80, b"") in carrier.frames, "big ones end with an empty continuation"


async def test_a_ping_frame_is_answered_with_its_payload() -> None:
    async with kubelet() as server, server.websocket() as socket:
        socket.send(b"are you there", first=0x89)
        assert await socket.frame() == WsFrame(0x8A, b"are you there")


async def test_a_text_message_ends_the_session() -> None:
    async with kubelet() as server, server.websocket() as socket:
        socket.send(b"text", first=0x81)
        assert await socket.frame() == CLOSED
        assert await socket.frame() is None


async def test_an_unmasked_frame_is_a_protocol_error() -> None:
    async with kubelet() as server, server.websocket() as socket:
        socket.send(b"bare", masked=False)
        assert await socket.frame() == WsFrame(0x88, b"\x03\xeabad MASK")
        assert await socket.frame() is None


async def test_the_clients_close_is_echoed_and_ends_the_session() -> None:
    async with kubelet() as server, server.websocket() as socket:
        socket.send(b"\x03\xe8", first=0x88)
        assert await socket.frame() == CLOSED
        assert await socket.frame() is None
        assert len(server.sessions) == 0


async def test_a_dead_backend_is_told_only_after_the_clients_next_message() -> None:
    async with kubelet() as server, server.websocket() as socket:
        server.sessions.cut("backend")
        assert await socket.silent(0.2)
        socket.send(b"\x80\x03\x00\x06\x00\x00\x00\x04\x00\x00\x00\x01")
        assert await socket.frame() == CLOSED
        assert await socket.frame() is None


async def test_the_goaway_of_an_idle_session_arrives_but_its_close_waits() -> None:
    async with kubelet(idle_s=0.1) as server, server.websocket() as socket:
        frame = await socket.frame()
        assert frame is not None
        assert frame.payload == b"\x80\x03\x00\x07\x00\x00\x00\x08" + bytes(8)
        assert await socket.silent(0.1)


async def test_a_session_that_stands_takes_no_more_messages_until_it_moves() -> None:
    async with kubelet() as server, server.websocket() as socket:
        client, _ = spdy_in(socket)
        data = client.open(1, 9999, "0")
        await client.until(("fin", 1))
        for _ in range(1 + 50 + 1):
            client.data(data, b"x")
        client.syn(6, streamtype="error", port="9000", requestid="late")
        assert await client.silent(0.1)
