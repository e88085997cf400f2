"""Streams on an event loop, from a stand-in daemon."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import aclosing
from pathlib import Path

import pytest

from kfwd.client import feeds, live
from kfwd.client.calls import Client
from kfwd.errors import DaemonUnreachable, NotFound, ProtocolError
from kfwd.model import AnyEvent, Heartbeat, SnapshotEvent
from kfwd.tasks import TaskSet
from tests.standin import Request, StandIn, chunk, entry, snapshot
from tests.until import until


async def events(client: Client) -> list[AnyEvent]:
    async with aclosing(live.follow(client, feeds.events())) as found:
        return [event async for batch in found for event in batch]


async def test_events_begin_with_a_snapshot(server: StandIn, client: Client) -> None:
    first = SnapshotEvent(seq=41, snapshot=snapshot(entry()))
    server.on_lines("GET /v1/events", first, {"type": "novelty", "seq": 1}, Heartbeat(seq=42))
    assert await events(client) == [first, Heartbeat(seq=42)]
    assert client.daemon_version == server.version


async def test_lines_that_come_together_are_handed_on_together(
    server: StandIn, client: Client
) -> None:
    two = b'{"type":"heartbeat","seq":1}\n{"type":"heartbeat","seq":2}\n{"type":"hea'
    rest = b'rtbeat","seq":3}\n'
    body = b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in (two, rest))
    server.on_raw("GET /v1/events", server.stream_head() + body + b"0\r\n\r\n")
    async with aclosing(live.follow(client, feeds.events())) as found:
        batches = [[event.seq for event in batch] async for batch in found]
    assert batches == [[1, 2, 3]]


async def test_a_stream_that_is_cut_off_ends(server: StandIn, client: Client) -> None:
    server.on_raw("GET /v1/events", server.stream_head() + chunk(Heartbeat(seq=1)) + b"99\r\n{")
    assert await events(client) == [Heartbeat(seq=1)]


async def test_a_silent_stream_ends(
    server: StandIn, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(request: Request, connection: socket.socket) -> None:
        connection.sendall(server.stream_head() + chunk(Heartbeat(seq=1)))
        connection.recv(1)

    monkeypatch.setattr(live, "SILENCE_S", 0.05)
    server.on_raw("GET /v1/events", silent)
    assert await events(client) == [Heartbeat(seq=1)]


async def test_a_refusal_is_the_daemons_own_sentence(server: StandIn, client: Client) -> None:
    server.fail("GET /v1/events", 404, code="no-entry", text="no entry", exit_code=4)
    with pytest.raises(NotFound, match="no entry"):
        await events(client)


async def test_what_is_not_http_is_said_to_be_so(server: StandIn, client: Client) -> None:
    server.on_raw("GET /v1/events", b"SSH-2.0\r\n\r\n")
    with pytest.raises(ProtocolError, match="does not speak HTTP"):
        await events(client)


async def test_no_daemon_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(DaemonUnreachable, match="no daemon answers"):
        await events(Client([tmp_path]))


async def test_one_that_is_left_while_it_connects_closes_its_socket(
    server: StandIn, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, made, connect = threading.Event(), list[socket.socket](), client.connect

    def late(wait_s: float | None) -> socket.socket:
        gate.wait(5)
        made.append(connect(wait_s))
        return made[0]

    monkeypatch.setattr(client, "connect", late)
    tasks = TaskSet("test")
    tasks.spawn(events(client), "events")
    await asyncio.sleep(0)
    await tasks.close()
    gate.set()
    await until(lambda: made and made[0].fileno() == -1)


async def test_a_daemon_that_accepts_nothing_ends_the_stream(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(wait_s: float | None) -> socket.socket:
        raise TimeoutError

    monkeypatch.setattr(client, "connect", full)
    assert await events(client) == []
