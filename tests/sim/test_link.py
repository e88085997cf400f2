"""A link takes a connection over and closes it in bounded time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from kfwd.sim import link as link_module
from kfwd.sim.link import Link
from tests.sim.clients import Tcp, connect


class Recorder:
    """Receives what a link delivers."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.changed = asyncio.Event()

    def _hear(self, what: object) -> None:
        self.heard.append(what)
        self.changed.set()

    def received(self, data: memoryview) -> None:
        self._hear(bytes(data))

    def drained(self) -> None:
        self._hear("drained")

    def lost(self) -> None:
        self._hear("lost")

    async def until(self, what: object) -> None:
        async with asyncio.timeout(5):
            while what not in self.heard:
                self.changed.clear()
                await self.changed.wait()


@contextlib.asynccontextmanager
async def linked() -> AsyncIterator[tuple[Link, Recorder, Tcp]]:
    """A link, what it tells, and the client's end; the HTTP half's writer hears of the end too."""
    ready: asyncio.Future[tuple[Link, Recorder]] = asyncio.get_running_loop().create_future()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link, recorder = Link(writer.transport), Recorder()
        link.start(recorder)
        ready.set_result((link, recorder))
        await link.ended.wait()
        await writer.wait_closed()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        async with connect(server.sockets[0].getsockname()[1]) as tcp:
            link, recorder = await ready
            yield link, recorder, tcp
        await recorder.until("lost")
    finally:
        server.close()
        await asyncio.sleep(0)


async def test_it_delivers_and_writes() -> None:
    async with linked() as (link, recorder, tcp):
        tcp.writer.write(b"in")
        await recorder.until(b"in")
        link.write(b"out")
        assert await tcp.reader.readexactly(3) == b"out"


async def test_paused_it_delivers_nothing() -> None:
    async with linked() as (link, recorder, tcp):
        link.pause()
        tcp.writer.write(b"in")
        await asyncio.sleep(0.05)
        assert recorder.heard == []
        link.resume()
        await recorder.until(b"in")


async def test_closing_flushes_what_was_written() -> None:
    async with linked() as (link, recorder, tcp):
        link.write(bytes(10_000))
        link.close()
        assert len(await tcp.reader.read()) == 10_000
        await recorder.until("lost")


async def test_a_peer_that_reads_nothing_cannot_hold_a_close_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link_module, "CLOSE_S", 0.05)
    async with linked() as (link, recorder, tcp):
        tcp.writer.transport.pause_reading()
        link.write(bytes(32 << 20))
        assert not link.writable
        link.close()
        await recorder.until("lost")


async def test_it_says_when_it_is_writable_again() -> None:
    async with linked() as (link, recorder, tcp):
        tcp.writer.transport.pause_reading()
        link.write(bytes(8 << 20))
        tcp.writer.transport.resume_reading()
        await tcp.reader.readexactly(8 << 20)
        await recorder.until("drained")
        assert link.writable


async def test_the_end_is_told_once() -> None:
    async with linked() as (link, recorder, _):
        link.cut("eof")
        link.cut("reset")
        link.close()
        await recorder.until("lost")
    assert recorder.heard == ["lost"]


async def test_frozen_it_keeps_what_is_written_and_sends_it_on_thawing() -> None:
    async with linked() as (link, recorder, tcp):
        link.freeze(True)
        assert not link.writable
        link.write(b"kept")
        tcp.writer.write(b"unread")
        await asyncio.sleep(0.05)
        assert recorder.heard == []
        link.freeze(False)
        assert await tcp.reader.readexactly(4) == b"kept"
        await recorder.until(b"unread")
