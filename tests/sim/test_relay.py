"""The two copies of a forward, against a real socket and a data stream of the test's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from kfwd.sim.relay import Relay
from tests.sim.clients import Tcp


class Recorder:
    """A data stream that keeps what is written to it."""

    def __init__(self) -> None:
        self.writable = True
        self.written = bytearray()
        self.woken = 0
        self.waiting: list[Callable[[], None]] = []

    def when_writable(self, callback: Callable[[], None]) -> None:
        self.waiting.append(callback)

    def write(self, data: bytes) -> None:
        assert len(data) <= 32768
        self.written += data

    def wake(self) -> None:
        self.woken += 1


class Scene:
    """A relay that is connected, the pod's end of it, and how it ended."""

    def __init__(self, relay: Relay, stream: Recorder, pod: Tcp, ended: list[str | None]) -> None:
        self.relay, self.stream, self.pod, self.ended = relay, stream, pod, ended

    def fill(self) -> int:
        """Take payloads until a pod that reads none has no room; returns how many bytes."""
        self.pod.writer.transport.pause_reading()
        sent = 0
        while self.relay.ready:
            self.relay.take(memoryview(bytes(1 << 20)))
            sent += 1 << 20
        return sent

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - what changes is inside the relay
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def scene(half_close_s: float = 0.05) -> AsyncIterator[Scene]:
    accepted: asyncio.Queue[Tcp] = asyncio.Queue(1)
    listener = await asyncio.start_server(
        lambda reader, writer: accepted.put_nowait(Tcp(reader, writer)), "127.0.0.1", 0
    )
    stream, ended = Recorder(), []
    relay = Relay(stream, 7000, half_close_s, ended.append)
    await relay.dial(listener.sockets[0].getsockname())
    pod = await accepted.get()
    try:
        yield Scene(relay, stream, pod, ended)
    finally:
        relay.close()
        listener.close()
        pod.writer.transport.abort()
        with contextlib.suppress(OSError):
            await pod.writer.wait_closed()


async def test_a_dial_that_is_refused_raises_and_leaves_nothing() -> None:
    relay = Relay(Recorder(), 7000, 1, lambda error: None)
    with pytest.raises(ConnectionRefusedError):
        await relay.dial(("127.0.0.1", 1))
    assert not relay.ready


async def test_bytes_flow_both_ways() -> None:
    async with scene() as s:
        assert s.stream.woken == 1
        s.relay.take(memoryview(b"up"))
        assert await s.pod.reader.readexactly(2) == b"up"
        s.pod.writer.write(b"down")
        await s.until(lambda: s.stream.written == b"down")


async def test_it_takes_no_second_payload_before_the_first_is_sent() -> None:
    async with scene() as s:
        sent = s.fill()
        woken = s.stream.woken
        s.pod.writer.transport.resume_reading()
        assert len(await s.pod.reader.readexactly(sent)) == sent
        await s.until(lambda: s.relay.ready)
        assert s.stream.woken > woken


async def test_it_reads_one_piece_from_the_pod_while_the_client_takes_nothing() -> None:
    async with scene() as s:
        s.stream.writable = False
        s.pod.writer.write(b"read")
        await s.until(lambda: s.stream.waiting)
        s.pod.writer.write(b", waits")
        await s.pod.writer.drain()
        await asyncio.sleep(0.02)
        assert s.stream.written == b"read"
        s.stream.writable = True
        for callback in s.stream.waiting:
            callback()
        await s.until(lambda: s.stream.written == b"read, waits")


async def test_what_hangs_in_a_write_outlives_the_cut() -> None:
    async with scene() as s:
        s.stream.writable = False
        s.relay.finished()
        s.pod.writer.write(b"last")
        await s.until(lambda: s.ended)
        assert s.stream.written == b"last"


async def test_after_the_pods_end_the_other_copy_has_its_time() -> None:
    async with scene(half_close_s=0.15) as s:
        s.pod.writer.write_eof()
        await asyncio.sleep(0.05)
        s.relay.take(memoryview(b"still"))
        assert await s.pod.reader.readexactly(5) == b"still"
        assert s.ended == []
        await s.until(lambda: s.ended)
        assert s.ended == [None]


async def test_when_both_have_ended_it_is_over_at_once() -> None:
    async with scene(half_close_s=60) as s:
        s.relay.finished()
        s.pod.writer.write(b"bye")
        s.pod.writer.write_eof()
        await s.until(lambda: s.ended)
        assert (s.ended, s.stream.written) == ([None], b"bye")


async def test_the_clients_end_waits_for_what_is_not_sent_yet() -> None:
    async with scene() as s:
        sent = s.fill()
        s.relay.finished()
        await asyncio.sleep(0.1)
        assert s.ended == []
        s.pod.writer.transport.resume_reading()
        assert len(await s.pod.reader.readexactly(sent)) == sent
        await s.until(lambda: s.ended)


async def test_a_reset_of_the_pod_is_named_with_both_ports() -> None:
    async with scene() as s:
        s.pod.writer.transport.pause_reading()
        s.relay.take(memoryview(b"unread"))
        await asyncio.sleep(0.02)
        s.pod.writer.transport.abort()
        await s.until(lambda: s.ended)
        [error] = s.ended
        assert error is not None
        assert error.startswith("read tcp4 127.0.0.1:")
        assert error.endswith("->127.0.0.1:7000: read: connection reset by peer")


async def test_the_copy_out_of_the_stream_outlives_the_socket_by_one_payload() -> None:
    async with scene(half_close_s=0.02) as s:
        s.pod.writer.close()
        await s.until(lambda: s.ended)
        assert s.relay.ready
        s.relay.take(memoryview(b"lost"))
        assert not s.relay.ready


async def test_a_client_that_finished_before_the_dial_is_cut_in_time() -> None:
    over = asyncio.Event()

    async def stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        over.set()

    listener = await asyncio.start_server(stay, "127.0.0.1", 0)
    ended: list[str | None] = []
    relay = Relay(Recorder(), 7000, 0.02, ended.append)
    relay.finished()
    await relay.dial(listener.sockets[0].getsockname())
    async with asyncio.timeout(5):
        while not ended:  # noqa: ASYNC110 - what changes is inside the relay
            await asyncio.sleep(0.005)
        await over.wait()
    listener.close()
