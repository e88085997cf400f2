"""The byte pipe, plain and with TLS, against real servers."""

from __future__ import annotations

import asyncio
import hashlib
import random
import socket
import ssl
from collections.abc import Awaitable, Callable

import pytest

from kfwd.kube import pipe as pipe_module
from kfwd.kube.pipe import HIGH_WATER, SocketPipe, open_pipe
from tests.kube.servers import Authority, Handler, echo, serving, silence
from tests.until import WAIT_S, until

AUTHORITY = Authority()
Opener = Callable[[int], Awaitable[SocketPipe]]


class Receiver:
    def __init__(self) -> None:
        self.data = bytearray()
        self.lost: list[Exception | None] = []
        self.full = False
        self.calls = 0

    def data_received(self, data: memoryview) -> None:
        self.calls += 1
        self.data += data

    def pipe_lost(self, error: Exception | None) -> None:
        self.lost.append(error)

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False


def client_context() -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=AUTHORITY.pem.decode())
    context.set_alpn_protocols(["http/1.1"])
    return context


async def opened(port: int, *, tls: bool) -> tuple[SocketPipe, Receiver]:
    sock = socket.socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    pipe = await open_pipe(sock, client_context() if tls else None, "127.0.0.1")
    receiver = Receiver()
    pipe.attach(receiver)
    return pipe, receiver


def server(handler: Handler, *, tls: bool):  # type: ignore[no-untyped-def]  # a context manager
    return serving(handler, AUTHORITY.server() if tls else None)


both = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


@both
async def test_megabytes_come_back_as_they_went(tls: bool) -> None:
    data = random.Random(7).randbytes(3_000_000)
    async with server(echo, tls=tls) as port:
        pipe, receiver = await opened(port, tls=tls)
        sent = 0
        async with asyncio.timeout(20):
            while sent < len(data):
                piece = data[sent : sent + 70_001]
                pipe.write(piece)
                sent += len(piece)
                await until(lambda: not receiver.full, 20)
            await until(lambda: len(receiver.data) == len(data), 20)
        assert hashlib.sha256(receiver.data).digest() == hashlib.sha256(data).digest()
        pipe.close()
        await pipe.closed()


@both
async def test_the_servers_end_is_told_once(tls: bool) -> None:
    async def bye(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"last")

    async with server(bye, tls=tls) as port:
        pipe, receiver = await opened(port, tls=tls)
        await until(lambda: receiver.lost)
        assert (bytes(receiver.data), receiver.lost) == (b"last", [None])
        pipe.write(b"too late")
        pipe.close()
        pipe.abort()
        await pipe.closed()


@both
async def test_a_server_that_does_not_read_fills_the_pipe(tls: bool) -> None:
    stuck = asyncio.Event()

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()
        await stuck.wait()

    async with server(deaf, tls=tls) as port:
        pipe, receiver = await opened(port, tls=tls)
        while not receiver.full:
            pipe.write(bytes(100_000))
        assert pipe.buffered > HIGH_WATER
        pipe.abort()
        await pipe.closed()
        assert receiver.lost
        stuck.set()


async def test_closing_gives_up_on_a_server_that_does_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipe_module, "CLOSE_S", 0.05)
    stuck = asyncio.Event()

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()
        await stuck.wait()

    async with server(deaf, tls=True) as port:
        pipe, receiver = await opened(port, tls=True)
        while not receiver.full:
            pipe.write(bytes(100_000))
        pipe.close()
        async with asyncio.timeout(WAIT_S):
            await pipe.closed()
        stuck.set()


@both
async def test_reading_stops_and_goes_on(tls: bool) -> None:
    async with server(echo, tls=tls) as port:
        pipe, receiver = await opened(port, tls=tls)
        pipe.pause_reading()
        pipe.write(b"quiet")
        await asyncio.sleep(0)
        assert not receiver.data
        pipe.resume_reading()
        await until(lambda: bytes(receiver.data) == b"quiet")
        pipe.abort()
        await pipe.closed()


async def test_many_records_are_handed_on_together() -> None:
    async def burst(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(bytes(4_000_000))
        await writer.drain()
        await reader.read()

    async with server(burst, tls=True) as port:
        pipe, receiver = await opened(port, tls=True)
        pipe.write(b"x")
        await until(lambda: len(receiver.data) == 4_000_000, 20)
        assert receiver.calls < 4_000_000 / pipe_module.RECORD_SIZE
        pipe.abort()
        await pipe.closed()


async def test_an_unknown_authority_is_a_tls_error() -> None:
    async with serving(silence, Authority().server()) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await opened(port, tls=True)


async def test_a_server_that_hangs_up_in_the_handshake_is_an_error() -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)

    async with serving(rude) as port:
        with pytest.raises(OSError, match=r"closed|reset"):
            await opened(port, tls=True)


async def test_a_broken_record_ends_the_pipe() -> None:
    async def mangle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        raw = writer.get_extra_info("socket")
        transport = writer.transport._ssl_protocol._transport  # the bytes under TLS
        assert raw is not None
        transport.write(b"this is no TLS record at all")
        await reader.read()

    async with server(mangle, tls=True) as port:
        pipe, receiver = await opened(port, tls=True)
        pipe.write(b"x")
        await until(lambda: receiver.lost)
        assert not receiver.data
        assert isinstance(receiver.lost[0], ssl.SSLError)
        await pipe.closed()


async def test_a_server_that_ends_and_does_not_read_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipe_module, "CLOSE_S", 0.05)
    stuck = asyncio.Event()

    async def half_closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()
        await stuck.wait()
        writer.write_eof()
        await asyncio.Event().wait()

    async with server(half_closes, tls=False) as port:
        pipe, receiver = await opened(port, tls=False)
        while not receiver.full:
            pipe.write(bytes(100_000))
        stuck.set()
        await until(lambda: receiver.lost)
        assert receiver.lost == [None]


async def test_nothing_is_written_after_the_end_was_said() -> None:
    async with server(echo, tls=True) as port:
        pipe, receiver = await opened(port, tls=True)
        pipe.close()
        pipe.write(b"too late")
        await pipe.closed()
        assert not receiver.data


@both
async def test_who_attaches_after_the_end_is_told_too(tls: bool) -> None:
    async with server(echo, tls=tls) as port:
        pipe, receiver = await opened(port, tls=tls)
        pipe.abort()
        await pipe.closed()
        late = Receiver()
        pipe.attach(late)
        await until(lambda: late.lost)
        assert (late.lost, receiver.lost) == ([None], [None])


async def test_a_peer_that_takes_nothing_closes_its_window() -> None:
    stuck = asyncio.Event()

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()
        await stuck.wait()

    async with server(deaf, tls=False) as port:
        pipe, receiver = await opened(port, tls=False)
        assert not pipe.window_closed()
        while not receiver.full:
            pipe.write(bytes(100_000))
        await until(pipe.window_closed)
        pipe.abort()
        await pipe.closed()
        stuck.set()
