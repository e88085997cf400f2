"""Streams on an event loop, from a stand-in daemon."""

from __future__ import annotations

import socket
from contextlib import aclosing
from pathlib import Path

import pytest

from kfwd.client import feeds, live
from kfwd.client.calls import Client
from kfwd.errors import DaemonUnreachable, NotFound, ProtocolError
from kfwd.model import AnyEvent, Heartbeat, SnapshotEvent
from tests.standin import Request, StandIn, chunk, entry, snapshot


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
    assert batches == [[1, 2], [3]]


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
