"""The tunnel as a pipe, over a real socket: framing, closing, and what it must not accept."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from kfwd.errors import KfwdError
from kfwd.kube.pipe import SocketPipe
from kfwd.tunnel.websocket import WebSocketPipe
from kfwd.wire import websocket as wire
from tests.until import WAIT_S, until


class Receiver:
    def __init__(self) -> None:
        self.data = b""
        self.lost: list[Exception | None] = []

    def data_received(self, data: memoryview) -> None:
        self.data += data

    def pipe_lost(self, error: Exception | None) -> None:
        self.lost.append(error)

    def pause_writing(self) -> None:
        pass

    def resume_writing(self) -> None:
        pass


class Rig:
    def __init__(self, pipe: WebSocketPipe, server: socket.socket) -> None:
        self.pipe, self.server = pipe, server
        self.receiver = Receiver()
        pipe.attach(self.receiver)
        self._decoder = wire.Decoder(masked=True)
        self._events: list[wire.Event] = []

    def send(self, data: bytes) -> None:
        self.server.send(data)

    async def event(self) -> wire.Event:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WAIT_S):
            while not self._events:
                data = await loop.sock_recv(self.server, 65536)
                assert data, "closed"
                self._events += self._decoder.feed(data)
        return self._events.pop(0)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    ours, theirs = socket.socketpair()
    for sock in (ours, theirs):
        sock.setblocking(False)
    under = await SocketPipe.over(ours)
    yield Rig(WebSocketPipe(under), theirs)
    under.abort()
    theirs.close()
    await under.closed()


async def test_a_write_is_one_masked_binary_message(rig: Rig) -> None:
    rig.pipe.write(b"frame")
    event = await rig.event()
    assert isinstance(event, wire.Binary)
    assert (bytes(event.payload), event.first, event.last) == (b"frame", True, True)


async def test_message_boundaries_carry_no_meaning(rig: Rig) -> None:
    # gorilla's form of a long write: one unfinished frame, then an empty continuation
    rig.send(wire.encode_frame(wire.BINARY, 5, None, fin=False) + b"hello" + b"\x80\x00")
    rig.send(wire.encode_frame(wire.BINARY, 0, None))
    rig.send(wire.encode_frame(wire.BINARY, 6, None) + b" world")
    await until(lambda: rig.receiver.data == b"hello world")


async def test_what_came_together_is_handed_on_as_one(rig: Rig) -> None:
    calls: list[bytes] = []
    rig.receiver.data_received = lambda data: calls.append(bytes(data))  # type: ignore[method-assign]
    halves = wire.encode_frame(wire.BINARY, 4, None, fin=False) + b"half" + b"\x80\x02of"
    ping = wire.control_frame(wire.PING, b"?", None)
    rig.send(halves + wire.encode_frame(wire.BINARY, 3, None) + b" it" + ping + b"\x82\x01!")
    assert await rig.event() == wire.Pong(b"?")
    await until(lambda: calls == [b"halfof it", b"!"])


async def test_a_long_write_is_several_messages(rig: Rig) -> None:
    rig.pipe.write_frame(b"header", memoryview(bytes(range(256)) * 1000))
    got, messages = b"", 0
    while len(got) < 256_006:
        event = await rig.event()
        assert isinstance(event, wire.Binary)
        got, messages = got + event.payload, messages + event.last
    assert got == b"header" + bytes(range(256)) * 1000
    assert messages == 3


async def test_a_ping_is_answered_with_its_payload(rig: Rig) -> None:
    rig.send(wire.control_frame(wire.PING, b"are you there", None))
    assert await rig.event() == wire.Pong(b"are you there")


async def test_close_1000_is_a_clean_end_and_is_answered(rig: Rig) -> None:
    rig.send(bytes.fromhex("880203e8"))
    assert await rig.event() == wire.Close(1000, "")
    assert rig.receiver.lost == [None]


async def test_another_close_code_is_an_error(rig: Rig) -> None:
    rig.send(wire.close_frame(1011, "backend", None))
    await until(lambda: rig.receiver.lost)
    (error,) = rig.receiver.lost
    assert isinstance(error, KfwdError)
    assert "1011 backend" in error.text


async def test_a_text_message_ends_the_session(rig: Rig) -> None:
    rig.send(wire.encode_frame(wire.TEXT, 2, None) + b"hi")
    assert await rig.event() == wire.Close(1003, "")
    assert isinstance(rig.receiver.lost[0], KfwdError)


async def test_a_masked_frame_from_the_server_is_refused_with_1002(rig: Rig) -> None:
    rig.send(wire.encode_frame(wire.BINARY, 1, b"abcd") + b"x")
    assert await rig.event() == wire.Close(1002, "")
    assert len(rig.receiver.lost) == 1


async def test_closing_says_1000_and_does_not_wait(rig: Rig) -> None:
    rig.pipe.close()
    rig.pipe.close()
    assert await rig.event() == wire.Close(1000, "")
    assert await asyncio.get_running_loop().sock_recv(rig.server, 10) == b""


async def test_bytes_behind_the_answer_are_messages_too(rig: Rig) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    under = await SocketPipe.over(ours)
    pipe = WebSocketPipe(under, wire.encode_frame(wire.BINARY, 5, None) + b"glued")
    receiver = Receiver()
    pipe.attach(receiver)
    assert receiver.data == b"glued"
    under.abort()
    theirs.close()
    await under.closed()
