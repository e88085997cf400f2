"""A local socket: back-pressure, and every way to end."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator

import pytest

from kfwd.front import local as local_module
from kfwd.front.local import HIGH_WATER, PIECES, LocalSocket, unsent
from tests.until import WAIT_S, until


class Notes:
    """A peer that notes what it is told."""

    def __init__(self) -> None:
        self.data = b""
        self.events: list[str] = []

    def local_data(self, data: memoryview) -> None:
        self.data += data

    def local_eof(self) -> None:
        self.events.append("eof")

    def local_lost(self, error: OSError) -> None:
        self.events.append("lost")

    def local_full(self) -> None:
        self.events.append("full")

    def local_drained(self) -> None:
        self.events.append("drained")

    def local_closed(self) -> None:
        self.events.append("closed")


Pair = tuple[LocalSocket, socket.socket, Notes]


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """A local socket and the application's end of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        app = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    ours.setblocking(False)
    app.setblocking(False)
    notes = Notes()
    local = LocalSocket(ours, notes)
    yield local, app, notes
    local.abort()
    app.close()


async def receive(app: socket.socket, size: int) -> bytes:
    """Exactly `size` bytes, fewer at the end."""
    data = b""
    async with asyncio.timeout(WAIT_S):
        while len(data) < size:
            piece = await asyncio.get_running_loop().sock_recv(app, size - len(data))
            if not piece:
                break
            data += piece
    return data


async def test_nothing_is_read_until_asked(pair: Pair) -> None:
    local, app, notes = pair
    app.send(b"hello")
    await asyncio.sleep(0)
    assert notes.data == b""
    assert local.read_now(3) == b"hel"
    local.resume_reading()
    await until(lambda: notes.data == b"lo")
    local.pause_reading()
    app.send(b"more")
    await asyncio.sleep(0)
    assert notes.data == b"lo"


async def test_what_is_not_there_is_not_waited_for(pair: Pair) -> None:
    local, _, notes = pair
    assert local.read_now(10) == b""
    assert notes.events == []


async def test_end_of_file_leaves_the_other_direction_open(pair: Pair) -> None:
    local, app, notes = pair
    local.resume_reading()
    app.shutdown(socket.SHUT_WR)
    await until(lambda: notes.events == ["eof"])
    local.write(memoryview(b"answer"))
    assert await receive(app, 6) == b"answer"


async def test_a_slow_application_is_told_of_and_waited_for(pair: Pair) -> None:
    local, app, notes = pair
    sent = 0
    while "full" not in notes.events:
        local.write(memoryview(bytes(100_000)))
        sent += 100_000
    assert HIGH_WATER < local.buffered <= HIGH_WATER + 100_000
    got = await receive(app, sent)
    assert len(got) == sent
    await until(lambda: notes.events == ["full", "drained"])
    assert local.buffered == 0


async def test_a_clean_end_delivers_everything_then_an_end_of_file(pair: Pair) -> None:
    local, app, notes = pair
    local.resume_reading()
    local.write(memoryview(bytes(3_000_000)))
    local.finish()
    local.write(memoryview(b"never"))
    assert len(await receive(app, 4_000_000)) == 3_000_000
    assert "closed" not in notes.events
    app.close()
    await until(lambda: "closed" in notes.events)
    assert "lost" not in notes.events


async def test_a_clean_end_is_no_reset_while_the_application_still_sends(pair: Pair) -> None:
    local, app, notes = pair
    app.send(b"x" * 10_000)
    local.write(memoryview(b"bye"))
    local.finish()
    app.send(b"x" * 10_000)
    assert await receive(app, 10) == b"bye"
    assert notes.data == b""


async def test_a_reset_comes_after_what_was_written(pair: Pair) -> None:
    local, app, notes = pair
    local.write(memoryview(b"part"))
    local.reset()
    assert notes.events == ["closed"]
    assert await receive(app, 4) == b"part"
    with pytest.raises(ConnectionResetError):
        await receive(app, 1)


async def test_a_reset_is_not_waited_for_longer_than_its_bound(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_module, "LINGER_S", 0.05)
    local, app, notes = pair
    local.write(memoryview(bytes(20_000_000)))
    local.reset()
    await until(lambda: "closed" in notes.events)
    with pytest.raises(ConnectionResetError):
        await receive(app, 20_000_000)


async def test_a_reader_that_takes_its_time_gets_everything_of_a_clean_end(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_module, "LINGER_S", 0.05)
    local, app, notes = pair
    local.write(memoryview(bytes(20_000_000)))
    local.finish()
    await asyncio.sleep(0.15)  # the reader does nothing, longer than any bound
    assert notes.events == ["full"]
    assert len(await receive(app, 20_000_001)) == 20_000_000


async def test_an_applications_own_end_is_not_waited_for_longer_than_its_bound(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_module, "LINGER_S", 0.05)
    local, app, notes = pair
    local.write(memoryview(b"bye"))
    local.finish()
    await until(lambda: "closed" in notes.events)
    assert await receive(app, 4) == b"bye"


async def test_an_application_may_go_while_it_is_given_more(pair: Pair) -> None:
    local, app, notes = pair
    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))

    def drained() -> None:
        local.abort()
        notes.events.append("drained")

    notes.local_drained = drained  # type: ignore[method-assign]  # what a write that fails does
    while "full" not in notes.events:
        local.write(memoryview(bytes(100_000)))
    while "drained" not in notes.events:
        await receive(app, 100_000)
    assert not failures


async def test_an_application_that_resets_is_lost(pair: Pair) -> None:
    local, app, notes = pair
    local.resume_reading()
    app.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, local_module._RESET)
    app.close()
    await until(lambda: notes.events == ["lost", "closed"])
    local.write(memoryview(b"nobody"))
    local.abort()
    assert notes.events == ["lost", "closed"]


async def test_writing_may_end_before_reading_does(pair: Pair) -> None:
    local, app, notes = pair
    local.resume_reading()
    local.write(memoryview(bytes(3_000_000)))
    local.finish_writing()
    assert len(await receive(app, 3_000_001)) == 3_000_000
    app.send(b"thanks")
    await until(lambda: notes.data == b"thanks")
    assert "closed" not in notes.events


@pytest.mark.parametrize("count", [1, 3, PIECES + 1])
async def test_pieces_arrive_in_order_whatever_the_kernel_takes_of_them(
    pair: Pair, count: int
) -> None:
    local, app, notes = pair
    data = random.Random(count).randbytes(8 << 20)
    size = len(data) // count + 1
    local.write(*(memoryview(data)[at : at + size] for at in range(0, len(data), size)))
    assert notes.events == ["full"]  # not all of it went to the kernel
    assert await receive(app, len(data)) == data
    await until(lambda: notes.events == ["full", "drained"])


def test_what_was_not_sent_begins_anywhere_in_the_pieces() -> None:
    pieces = [memoryview(b"one"), memoryview(b""), memoryview(b"two")]
    assert [unsent(pieces, sent) for sent in (0, 2, 3, 5, 6)] == [
        b"onetwo",
        b"etwo",
        b"two",
        b"o",
        b"",
    ]
