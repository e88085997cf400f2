"""The byte pipe, plain and with TLS, against real servers."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import random
import sys

import pytest

from kfwd.kube import pipe as pipe_module
from kfwd.kube import window as window_module
from kfwd.kube.pipe import HIGH_WATER
from tests.kube.pipes import Receiver, opened, server
from tests.kube.servers import deaf, echo
from tests.until import until

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
        assert pipe.open
        await until(lambda: receiver.lost)
        assert (bytes(receiver.data), receiver.lost, pipe.open) == (b"last", [None], False)
        pipe.write(b"too late")
        pipe.close()
        pipe.abort()
        await pipe.closed()


@both
async def test_a_server_that_does_not_read_fills_the_pipe(tls: bool) -> None:
    stuck = asyncio.Event()
    async with server(deaf(stuck), tls=tls) as port:
        pipe, receiver = await opened(port, tls=tls)
        while not receiver.full:
            pipe.write(bytes(100_000))
        assert pipe.buffered > HIGH_WATER
        pipe.abort()
        await pipe.closed()
        assert receiver.lost
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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has that time-out")
@both
async def test_a_slow_upload_is_not_given_up_though_nobody_asks_about_it(
    tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window_module, "LOOK_S", 0.05)
    stuck = asyncio.Event()
    async with server(deaf(stuck), tls=tls) as port:
        pipe, receiver = await opened(port, tls=tls, user_timeout_ms=200)
        while not receiver.full:
            pipe.write(bytes(100_000))
        await asyncio.sleep(0.7)  # three times what the kernel would wait
        assert receiver.lost == []
        stuck.set()
        await until(lambda: not pipe.buffered)
        pipe.abort()
        await pipe.closed()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
@both
async def test_a_peer_that_acknowledges_nothing_ends_the_pipe(
    tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window_module, "LOOK_S", 0.01)
    monkeypatch.setattr(window_module, "TRIED_S", 0.0)
    async with server(echo, tls=tls) as port:
        pipe, receiver = await opened(port, tls=tls)
        monkeypatch.setattr(window_module.Window, "_look", lambda _: (True, 14.0, False))
        pipe.write(b"x")
        await until(lambda: receiver.lost)
        (error,) = receiver.lost
        assert isinstance(error, OSError)
        assert error.errno == errno.ETIMEDOUT
        await pipe.closed()


async def test_a_peer_that_takes_nothing_leaves_bytes_outstanding() -> None:
    stuck = asyncio.Event()
    async with server(deaf(stuck), tls=False) as port:
        pipe, receiver = await opened(port, tls=False)
        assert not pipe.outstanding()
        while not receiver.full:
            pipe.write(bytes(100_000))
        await until(pipe.outstanding)
        pipe.abort()
        await pipe.closed()
        stuck.set()
