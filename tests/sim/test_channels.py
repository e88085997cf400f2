"""The legacy WebSocket port-forward: protocol notes E and J.2 row 28."""

from __future__ import annotations

import hashlib

from kfwd.sim.channels import FrameReader
from tests.sim.kubelet import POD, kubelet
from tests.sim.podserver import pod_server
from tests.sim.wsclient import WebSocketClient, WsFrame

V4 = "v4.channel.k8s.io"
BASE64 = "v4.base64.channel.k8s.io"


async def until(socket: WebSocketClient, first: int, beginning: bytes) -> bytes:
    """The payload of the first frame that begins so, after those that do not."""
    while frame := await socket.frame():
        if frame.first == first and frame.payload.startswith(beginning):
            return frame.payload
    raise AssertionError("the connection ended")


async def test_every_port_is_announced_on_both_of_its_channels_in_order() -> None:
    async with kubelet() as server, server.websocket(V4, "?ports=80,8080") as socket:
        announced = [await socket.frame() for _ in range(4)]
    assert announced == [
        WsFrame(0x82, b"\x00\x50\x00"),
        WsFrame(0x82, b"\x01\x50\x00"),
        WsFrame(0x82, b"\x02\x90\x1f"),
        WsFrame(0x82, b"\x03\x90\x1f"),
    ]


async def test_in_base64_the_messages_are_text() -> None:
    async with kubelet() as server, server.websocket(BASE64, "?ports=80&ports=8080") as socket:
        announced = [await socket.frame() for _ in range(4)]
    assert announced == [
        WsFrame(0x81, b"0UAA="),
        WsFrame(0x81, b"1UAA="),
        WsFrame(0x81, b"2kB8="),
        WsFrame(0x81, b"3kB8="),
    ]


async def test_bytes_go_to_the_port_of_their_channel_and_back() -> None:
    async with kubelet() as server, server.websocket(V4, "?ports=9001,9000") as socket:
        socket.send(b"\x02hello")
        assert await until(socket, 0x82, b"\x02h") == b"\x02hello"


async def test_base64_carries_the_same_bytes() -> None:
    async with kubelet() as server, server.websocket(BASE64, "?ports=9000") as socket:
        socket.send(b"0aGVsbG8=", first=0x81)
        assert await until(socket, 0x81, b"0a") == b"0aGVsbG8="


async def test_every_port_is_dialled_at_once() -> None:
    async with (
        kubelet() as server,
        pod_server(server, 7000) as pod,
        server.websocket(V4, "?ports=7000"),
    ):
        await pod.accepted()


async def test_the_websocket_closes_only_when_all_ports_have_ended() -> None:
    async with (
        kubelet(half_close_ms=50) as server,
        pod_server(server, 7000) as pod,
        server.websocket(V4, "?ports=9999,7000") as socket,
    ):
        connection = await pod.accepted()
        refused = await until(socket, 0x82, b"\x01error")
        assert b"error forwarding port 9999 to pod " in refused
        assert await socket.silent(0.1)
        connection.writer.close()
        assert await socket.frame() == WsFrame(0x88, b"\x03\xe8")
        assert await socket.frame() is None


async def test_messages_for_error_and_unknown_channels_are_dropped() -> None:
    async with kubelet() as server, server.websocket(V4, "?ports=9000") as socket:
        for channel in (1, 2, 200):
            socket.send(bytes((channel,)) + b"nobody")
        socket.send(b"\x00")
        socket.send(b"")
        socket.send(b"\x00heard")
        assert await until(socket, 0x82, b"\x00h") == b"\x00heard"


async def test_a_continuation_frame_is_taken_for_a_message_of_its_own() -> None:
    async with kubelet() as server, server.websocket(V4, "?ports=9000") as socket:
        socket.send(b"\x00one", first=0x02)
        socket.send(b"lost", first=0x80)
        socket.send(b"\x00 two")
        echoed = b""
        while len(echoed) < 7:
            echoed += (await until(socket, 0x82, b"\x00"))[1:].removeprefix(b"\x28\x23")
        assert echoed == b"one two"


async def test_a_pod_that_does_not_read_holds_up_every_port() -> None:
    async with (
        kubelet() as server,
        pod_server(server, 7000) as pod,
        server.websocket(V4, "?ports=7000,9000") as socket,
    ):
        stalled = await pod.accepted()
        stalled.writer.transport.pause_reading()
        for _ in range(200):
            socket.send(b"\x00" + bytes(64 * 1024))
        socket.send(b"\x02behind it")
        for _ in range(4):
            await socket.frame()
        assert await socket.silent(0.2)
        stalled.writer.transport.resume_reading()
        assert await until(socket, 0x82, b"\x02b") == b"\x02behind it"


async def test_a_large_upload_arrives_whole() -> None:
    body = bytes(range(256)) * 4096
    async with kubelet() as server, server.websocket(V4, "?ports=9006") as socket:
        socket.send(f"\0{len(body)}\n".encode())
        for at in range(0, len(body), 30_000):
            socket.send(b"\0" + body[at : at + 30_000])
        expected = f"\0{len(body)} {hashlib.sha256(body).hexdigest()}\n".encode()
        assert await until(socket, 0x82, expected[:9]) == expected


async def test_a_deleted_pod_is_an_error_text_and_the_end() -> None:
    async with kubelet() as server:
        await server.node.stop_pod(POD, 0)
        async with server.websocket(V4, "?ports=9000") as socket:
            assert b"network namespace for sandbox" in await until(socket, 0x82, b"\x01error")
            assert await socket.frame() == WsFrame(0x88, b"\x03\xe8")


async def test_ping_is_answered_and_close_ends_it() -> None:
    async with kubelet() as server, server.websocket(V4, "?ports=9000") as socket:
        socket.send(b"p", first=0x89)
        assert await until(socket, 0x8A, b"p") == b"p"
        socket.send(b"\x03\xe8", first=0x88)
        assert await until(socket, 0x88, b"") == b"\x03\xe8"


async def test_an_unmasked_frame_ends_it() -> None:
    async with kubelet() as server, server.websocket(V4, "?ports=9000") as socket:
        socket.send(b"\0bare", masked=False)
        assert await until(socket, 0x88, b"") == b"\x03\xea"


def test_a_frame_beyond_32_mib_is_not_read() -> None:
    reader = FrameReader()
    reader.feed(memoryview(b"\x82\xff" + (33 << 20).to_bytes(8, "big")))
    assert reader.next() is None
    assert reader.broken


def test_frames_come_whole_however_their_bytes_arrive() -> None:
    reader = FrameReader()
    raw = b"\x82\x83\0\0\0\0abc" + b"\x82\xfe\x00\x80\0\0\0\0" + bytes(128)
    found = []
    for byte in raw:
        reader.feed(memoryview(bytes((byte,))))
        if frame := reader.next():
            found.append(frame)
    assert found == [(2, b"abc"), (2, bytes(128))]
