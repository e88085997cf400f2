"""Attaching, and attaching again."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kfwd.client.calls import Client
from kfwd.model import AnyEvent, Heartbeat, SnapshotEvent
from kfwd.tasks import TaskSet
from kfwd.tui import link
from kfwd.tui.link import Link, Standing
from tests.standin import Request, StandIn, chunk, snapshot, standing_in
from tests.until import until


@pytest.fixture
def server() -> Iterator[StandIn]:
    with standing_in() as server:
        yield server


class Seen:
    def __init__(self) -> None:
        self.events: list[AnyEvent] = []
        self.standings: list[Standing] = []


@asynccontextmanager
async def linked(
    folder: Path, clock: Callable[[], float] = lambda: 0.0
) -> AsyncIterator[tuple[Link, Seen]]:
    seen = Seen()
    found = Link(
        Client([folder], timeout_s=5),
        seen.events.extend,
        lambda: seen.standings.append(found.standing),
        clock,
    )
    tasks = TaskSet("test")
    tasks.spawn(found.run(), "link")
    try:
        yield found, seen
    finally:
        await tasks.close()


def first(server: StandIn) -> SnapshotEvent:
    return SnapshotEvent(seq=1, snapshot=snapshot())


async def test_it_follows_and_attaches_again(server: StandIn) -> None:
    def held(request: Request, connection: socket.socket) -> None:
        connection.sendall(server.stream_head() + chunk(first(server)) + chunk(Heartbeat(seq=9)))
        connection.recv(1)

    server.on_lines("GET /v1/events", first(server))
    server.on_raw("GET /v1/events", held)
    async with linked(server.folder) as (_, seen):
        await until(lambda: Heartbeat(seq=9) in seen.events)
        assert seen.standings == [Standing.LIVE, Standing.RESTARTING, Standing.LIVE]


async def test_without_a_daemon_it_is_stopped_and_goes_on_trying(tmp_path: Path) -> None:
    async with linked(tmp_path) as (found, _):
        await until(lambda: found.standing is Standing.STOPPED)


async def test_a_daemon_that_does_not_come_back_has_stopped(server: StandIn) -> None:
    now = 0.0
    server.on_lines("GET /v1/events", first(server))
    async with linked(server.folder, lambda: now) as (found, _):
        await until(lambda: found.standing is Standing.RESTARTING)
        (server.folder / "kfwd.sock").unlink()
        now = link.RESTART_S + 1
        await until(lambda: found.standing is Standing.STOPPED)


async def test_a_refusal_is_kept_in_words(server: StandIn) -> None:
    server.fail("GET /v1/events", 403, code="forbidden", text="not you", exit_code=7)
    async with linked(server.folder) as (found, _):
        await until(lambda: found.standing is Standing.REFUSED)
        assert found.trouble == "not you"


async def test_hurry_cuts_the_wait_short(server: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "FIRST_S", 600.0)
    monkeypatch.setattr(link, "CAP_S", 600.0)
    socket_file, away = server.folder / "kfwd.sock", server.folder / "away"
    server.on_lines("GET /v1/events", first(server))
    socket_file.rename(away)
    async with linked(server.folder) as (found, seen):
        await until(lambda: found.standing is Standing.STOPPED)
        away.rename(socket_file)
        found.hurry()
        await until(lambda: seen.events)
