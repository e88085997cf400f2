"""What only a pipe with TLS has: records, handshakes, goodbyes."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
from collections.abc import AsyncIterator

import pytest

from kfwd.kube import flood, tls_pipe
from kfwd.kube import pipe as pipe_module
from tests.kube.pipes import Receiver, opened, server
from tests.kube.servers import Authority, Handler, deaf, echo, serving, silence
from tests.until import WAIT_S, until


async def test_closing_gives_up_on_a_server_that_does_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipe_module, "CLOSE_S", 0.05)
    stuck = asyncio.Event()
    async with server(deaf(stuck), tls=True) as port:
        pipe, receiver = await opened(port, tls=True)
        while not receiver.full:
            pipe.write(bytes(100_000))
        pipe.close()
        async with asyncio.timeout(WAIT_S):
            await pipe.closed()
        stuck.set()


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
        assert receiver.calls < 4_000_000 / tls_pipe.RECORD_SIZE
        pipe.abort()
        await pipe.closed()


def pouring(pieces: int) -> Handler:
    """Answers in so many pieces of 16 KiB, and ends."""

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        for number in range(pieces):
            writer.write(number.to_bytes(4, "big") * 4096)
            await writer.drain()
        writer.close()

    return pour


@contextlib.asynccontextmanager
async def flooded(
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[tuple[tls_pipe.TlsPipe, Receiver]]:
    """A pipe whose bytes come fast from the first 100 kB on."""
    monkeypatch.setattr(flood, "ENOUGH", 100_000)
    monkeypatch.setattr(flood, "RATE", 1.0)
    async with server(pouring(400), tls=True) as port:
        pipe, receiver = await opened(port, tls=True)
        assert isinstance(pipe, tls_pipe.TlsPipe)
        pipe.write(b"x")
        yield pipe, receiver


async def test_bytes_that_come_fast_are_left_to_gather(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost of them, whatever happens in a rest."""
    async with flooded(monkeypatch) as (pipe, receiver):
        for _ in range(3):
            await until(lambda: pipe._resting is not None)
            pipe.pause_reading()
            await until(lambda: pipe._resting is None)
            before = len(receiver.data)
            await asyncio.sleep(0)
            assert len(receiver.data) == before
            pipe.resume_reading()
        await until(lambda: receiver.lost)
        assert receiver.lost == [None]
        assert receiver.data == b"".join(n.to_bytes(4, "big") * 4096 for n in range(400))


async def test_a_pipe_may_end_in_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    async with flooded(monkeypatch) as (pipe, receiver):
        await until(lambda: pipe._resting is not None)
        pipe.abort()
        await pipe.closed()
        assert receiver.lost == [None]


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


async def test_an_answer_to_what_came_before_a_broken_record_is_dropped() -> None:
    async def mangle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"asks")
        writer.transport._ssl_protocol._transport.write(b"this is no TLS record at all")
        with contextlib.suppress(ssl.SSLError):  # our alert
            await reader.read()

    async with server(mangle, tls=True) as port:
        pipe, receiver = await opened(port, tls=True)
        take = receiver.data_received

        def take_and_answer(data: memoryview) -> None:
            take(data)
            pipe.write(b"answer")
            pipe.write_frame(b"answer", memoryview(b"again"))

        receiver.data_received = take_and_answer  # type: ignore[method-assign]
        pipe.write(b"x")
        await until(lambda: receiver.lost)
        assert receiver.data == b"asks"
        assert isinstance(receiver.lost[0], ssl.SSLError)
        await pipe.closed()


async def test_nothing_is_written_after_the_end_was_said() -> None:
    async with server(echo, tls=True) as port:
        pipe, receiver = await opened(port, tls=True)
        pipe.close()
        pipe.write(b"too late")
        await pipe.closed()
        assert not receiver.data


async def test_a_frame_fills_records_and_arrives_as_one() -> None:
    header, payload = b"h" * 8, random.Random(3).randbytes(3 * tls_pipe.RECORD_SIZE)
    async with server(echo, tls=True) as port:
        pipe, receiver = await opened(port, tls=True)
        for size in (1, tls_pipe.RECORD_SIZE - 8, tls_pipe.RECORD_SIZE, len(payload)):
            receiver.data.clear()
            pipe.write_frame(header, memoryview(payload)[:size])
            await until(lambda size=size: bytes(receiver.data) == header + payload[:size])  # type: ignore[misc]
        pipe.close()
        await pipe.closed()


async def test_what_waits_is_sent_before_the_goodbye() -> None:
    go = asyncio.Event()
    got: list[int] = []

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()
        await go.wait()
        writer.transport.resume_reading()
        got.append(len(await reader.read(-1)))

    async with server(late, tls=True) as port:
        pipe, receiver = await opened(port, tls=True)
        sent = 0
        while not receiver.full:
            pipe.write(bytes(100_000))
            sent += 100_000
        pipe.close()
        go.set()
        await pipe.closed()
        await until(lambda: got)
    assert (got, receiver.lost) == ([sent], [None])


async def test_a_handshake_that_is_given_up_leaves_no_socket() -> None:
    async with serving(silence) as port:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await opened(port, tls=True)
