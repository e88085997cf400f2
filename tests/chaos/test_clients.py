"""The clients against a good probe, and against servers that do what they must find out."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from kfwd.sim.probe import Probe
from tests.chaos import clients
from tests.chaos.clients import ROLES, Crowd
from tests.chaos.ledger import Outcome, Result
from tests.chaos.windows import CERT, Window
from tests.ports import free_port

PORTS = {"web": 8080, "echo": 9000, "source": 9002, "counted": 9006}
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def talk(kind: str, ports: dict[str, int], windows: list[Window] | None = None) -> Outcome:
    """What one client of a kind finds."""
    crowd = Crowd({(CERT, name): port for name, port in ports.items()}, windows or [], 1)
    crowd.look()
    try:
        await crowd.talk(kind, CERT, random.Random(2))
    finally:
        await crowd.close()
    return crowd.outcomes[0]


async def served(kind: str, serve: Serve) -> Outcome:
    """The same with `serve` for a probe."""
    writers: list[asyncio.StreamWriter] = []

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await serve(reader, writer)

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        return await talk(kind, dict.fromkeys(PORTS, port))
    finally:
        for writer in writers:
            writer.transport.abort()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.01)


@pytest.fixture
async def probe() -> AsyncIterator[Probe]:
    probe = Probe("p")
    await probe.start()
    yield probe
    await probe.kill()


async def lie(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"\n" * 400)
    writer.write_eof()


async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.transport.abort()


async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\n")
    writer.write_eof()


async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


@pytest.fixture(autouse=True)
def shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "STALL_S", (0.0, 0.1))
    monkeypatch.setattr(clients, "HANG_S", 0.3)
    monkeypatch.setattr(clients, "LOOK_S", 0.05)


@pytest.mark.parametrize("kind", ROLES)
async def test_every_kind_is_content_with_a_good_probe(probe: Probe, kind: str) -> None:
    found = await talk(kind, {name: probe.ports[port] for name, port in PORTS.items()})
    assert (found.result, found.detail) == (Result.DONE, "")
    assert found.received > 0


@pytest.mark.parametrize("kind", ROLES)
async def test_every_kind_finds_a_wrong_byte(kind: str) -> None:
    assert (await served(kind, lie)).result is Result.WRONG


@pytest.mark.parametrize("kind", ROLES)
async def test_every_kind_tells_a_reset(kind: str) -> None:
    # What is cut before a half-closer has read anything is cut with its end of file unread.
    assert (await served(kind, cut)).result in {Result.RESET, Result.EARLY}


@pytest.mark.parametrize("kind", ["short", "upload", "download", "stalled"])
async def test_every_kind_finds_an_end_before_the_end(kind: str) -> None:
    assert (await served(kind, end)).result is Result.EARLY


@pytest.mark.parametrize("kind", ROLES)
async def test_every_kind_finds_silence(kind: str) -> None:
    assert (await served(kind, say_nothing)).result is Result.HUNG


@pytest.mark.parametrize("kind", ROLES)
async def test_every_kind_tells_a_refusal(kind: str) -> None:
    assert (await talk(kind, dict.fromkeys(PORTS, free_port()))).result is Result.REFUSED


async def test_an_answer_to_another_request_is_wrong() -> None:
    async def mix_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b"pod=p path=/once/999 host=x"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        writer.write_eof()

    assert (await served("short", mix_up)).result is Result.WRONG


async def test_a_hash_of_other_bytes_is_wrong() -> None:
    async def mishear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        total = int(await reader.readline())
        await reader.readexactly(total)
        writer.write(f"{total} {'0' * 64}\n".encode())
        writer.write_eof()

    assert (await served("upload", mishear)).result is Result.WRONG


async def test_every_talk_asks_for_a_length_of_its_own(probe: Probe) -> None:
    crowd = Crowd({(CERT, name): probe.ports[port] for name, port in PORTS.items()}, [], 1)
    for _ in range(3):
        await crowd.talk("upload", CERT, random.Random(1))
    await crowd.close()
    assert len(set(crowd.answered)) == 3
    logged = [line.text for line in probe.log.lines()]
    assert [name for name in crowd.answered if name not in logged] == []
