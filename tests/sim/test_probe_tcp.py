"""The probe's TCP ports, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator

import pytest

from kfwd.sim.pattern import sha256
from kfwd.sim.probe import Probe
from tests.sim.clients import Tcp, connect


@pytest.fixture
async def probe() -> AsyncIterator[Probe]:
    probe = Probe("p")
    await probe.start()
    yield probe
    await probe.kill()


async def test_echo_returns_what_it_gets_and_closes_after_end_of_file(probe: Probe) -> None:
    async with connect(probe.ports[9000]) as tcp:
        tcp.writer.write(b"hello")
        tcp.writer.write_eof()
        assert await tcp.reader.read() == b"hello"


async def test_echo_stops_reading_while_nobody_reads_its_answers(probe: Probe) -> None:
    async with connect(probe.ports[9000]) as tcp:
        sent, blocked = 0, False
        while not blocked and sent < 64 << 20:
            tcp.writer.write(bytes(1 << 20))
            sent += 1 << 20
            try:
                async with asyncio.timeout(0.3):
                    await tcp.writer.drain()
            except TimeoutError:
                blocked = True
        assert blocked
        tcp.writer.write_eof()
        assert len(await tcp.reader.read()) == sent


async def test_sink_answers_the_byte_count(probe: Probe) -> None:
    assert await ask(probe.ports[9001], b"x" * 300_000) == b"300000\n"


async def test_hash_answers_count_and_hash_at_end_of_file(probe: Probe) -> None:
    expected = f"5 {hashlib.sha256(b'hello').hexdigest()}\n".encode()
    assert await ask(probe.ports[9004], b"hello") == expected


async def test_source_sends_what_was_asked_for_and_closes(probe: Probe) -> None:
    total = (5 << 20) + 3
    async with connect(probe.ports[9002]) as tcp:
        tcp.writer.write(f"{total}\n".encode())
        body = await tcp.reader.read()
    assert (len(body), hashlib.sha256(body).hexdigest()) == (total, sha256(total))


async def test_source_keeps_little_for_a_reader_that_stalls(probe: Probe) -> None:
    async with connect(probe.ports[9002]) as tcp:
        tcp.writer.transport.pause_reading()
        tcp.writer.write(b"1000000000\n")
        await asyncio.sleep(0.2)
        [connection] = probe._work.connections
        assert connection.transport.get_write_buffer_size() < 1 << 20


@pytest.mark.parametrize("line", [b"ten\n", b"-1\n", b"9" * 30, b"\n"])
async def test_source_cuts_a_client_that_names_no_number(probe: Probe, line: bytes) -> None:
    async with connect(probe.ports[9002]) as tcp:
        tcp.writer.write(line)
        with contextlib.suppress(ConnectionResetError):
            assert await tcp.reader.read() == b""


async def test_reset_says_hello_and_resets(probe: Probe) -> None:
    async with connect(probe.ports[9005]) as tcp:
        assert await tcp.reader.readexactly(6) == b"hello\n"
        with pytest.raises(ConnectionResetError):
            await tcp.reader.read()


async def test_counted_hash_answers_without_end_of_file(probe: Probe) -> None:
    async with connect(probe.ports[9006]) as tcp:
        for piece in (b"1", b"1\nhel", b"lo ", b"world, too much"):
            tcp.writer.write(piece)
            await tcp.writer.drain()
            await asyncio.sleep(0.01)
        expected = f"11 {hashlib.sha256(b'hello world').hexdigest()}\n".encode()
        assert await tcp.reader.readline() == expected


async def test_counted_hash_of_nothing_is_answered_at_once(probe: Probe) -> None:
    async with connect(probe.ports[9006]) as tcp:
        tcp.writer.write(b"0\n")
        assert (await tcp.reader.readline()).startswith(b"0 e3b0c442")


async def ask(port: int, data: bytes) -> bytes:
    """What the port answers to `data` and end-of-file."""
    async with connect(port) as tcp:
        return await exchange(tcp, data)


async def exchange(tcp: Tcp, data: bytes) -> bytes:
    tcp.writer.write(data)
    tcp.writer.write_eof()
    return await tcp.reader.read()


async def test_each_number_is_noted_once_in_the_log(probe: Probe) -> None:
    async with connect(probe.ports[9002]) as tcp:
        tcp.writer.write(b"1234\n")
        await tcp.reader.read()
    async with connect(probe.ports[9006]) as tcp:
        tcp.writer.write(b"3\nabc")
        await tcp.reader.read()
    texts = [line.text for line in probe.log.lines()]
    assert texts == ["probe p is listening", "source 1234", "counted 3"]


async def test_the_end_of_a_source_that_had_to_wait_ends_it_once(probe: Probe) -> None:
    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: failures.append(what))
    for most in range(40, 60):
        async with connect(probe.ports[9002]) as tcp:
            tcp.writer.write(b"%d\n" % (most * 100_000))
            await asyncio.sleep(0.01)
            assert len(await tcp.reader.read()) == most * 100_000
    assert failures == []
