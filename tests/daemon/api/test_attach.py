"""Following one entry, which ends with the one who follows."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest

from kfwd.api_model import (
    AnyAttachEvent,
    AttachConnection,
    AttachHeartbeat,
    AttachListening,
    AttachMoved,
    AttachState,
)
from kfwd.daemon.api import snapshot
from kfwd.daemon.api.attach import Following
from kfwd.daemon.store import Store
from kfwd.model import PortView, State
from tests.daemon.records import DAEMON, entry
from tests.daemon.rig import Rig
from tests.until import until

EVENT = msgspec.json.Decoder(AnyAttachEvent)


@asynccontextmanager
async def attached(rig: Rig, id: str) -> AsyncIterator[aiohttp.StreamReader]:
    async with rig.http.get(f"http://kfwd/v1/entries/{id}/attach") as answer:
        assert answer.status == 200
        yield answer.content


async def following(stream: aiohttp.StreamReader) -> AnyAttachEvent:
    async with asyncio.timeout(5):
        return EVENT.decode(await stream.readline())


async def test_an_attached_entry_ends_with_its_request_and_is_in_no_file(rig: Rig) -> None:
    await rig.add("pf", attached=True)
    async with attached(rig, "-/pf") as stream:
        assert isinstance(await following(stream), AttachState)
        assert rig.saved().adhoc == {}
        assert rig.ids() == ["-/pf"]
    await until(lambda: rig.ids() == [])


async def test_whoever_follows_is_told_that_another_daemon_has_the_entry(rig: Rig) -> None:
    await rig.add("pf", attached=True)
    async with attached(rig, "-/pf") as stream:
        await following(stream)
        rig.daemon.leave()
        rig.daemon.store.close()
        lines = [EVENT.decode(line) async for line in stream if line.strip()]
    assert lines[-1:] == [AttachMoved()]


async def test_another_entry_stays_when_nobody_follows_it_any_more(rig: Rig) -> None:
    await rig.add("db")
    async with attached(rig, "-/db") as stream:
        await following(stream)
    await until(lambda: not rig.daemon.store._subscribers)
    assert rig.ids() == ["-/db"]


async def test_connections_are_told_with_their_local_port(rig: Rig) -> None:
    await rig.add("pf", attached=True)
    port = rig.port("-/pf")
    async with attached(rig, "-/pf") as stream:
        await following(stream)
        socket.create_connection(("127.0.0.1", port)).close()
        while not isinstance(event := await following(stream), AttachConnection):
            pass
        assert event == AttachConnection(port=port)


async def test_the_stream_ends_with_the_entry(rig: Rig) -> None:
    await rig.add("pf", attached=True)
    async with attached(rig, "-/pf") as stream:
        await following(stream)
        await rig.call("DELETE", "/v1/entries/-/pf")
        async with asyncio.timeout(5):
            rest = await stream.read()
    assert EVENT.decode(rest.splitlines()[-1]) == AttachState(state=State.STOPPING)


async def test_an_entry_that_is_not_there_is_not_found(rig: Rig) -> None:
    status, body = await rig.call("GET", "/v1/entries/-/none/attach")
    assert (status, body["error"]["code"]) == (404, "not-found")


async def test_a_quiet_entry_has_heartbeats(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot.beating, "__defaults__", (0.01,))
    await rig.add("pf", attached=True)
    async with attached(rig, "-/pf") as stream:
        while not isinstance(await following(stream), AttachHeartbeat):
            pass


class Accepting:
    def __init__(self) -> None:
        self.accepted: set[Any] = set()


async def test_a_port_is_told_once_when_it_is_bound_and_the_pod_port_is_known() -> None:
    store, accepting = Store(DAEMON, "6f1c"), Accepting()
    unknown = PortView(listen=("127.0.0.1:1",), remote="http", port=None)
    unbound = PortView(listen=(), remote="http", port=80)
    known = PortView(listen=("127.0.0.1:1",), remote="http", port=80)
    stranger: Any = accepting
    events = Following("dev/web", stranger, store.subscribe())
    seen: list[AnyAttachEvent] = []
    for port, state in (
        (unknown, State.STARTING),
        (unbound, State.WAITING),
        (known, State.READY),
        (known, State.DEGRADED),
    ):
        store.put(entry(ports=(port,), state=state))
    store.put(entry("dev/other"))
    while len(seen) < 5:
        async with asyncio.timeout(5):
            seen.append(await anext(events))
    assert seen == [
        AttachState(state=State.STARTING),
        AttachState(state=State.WAITING),
        AttachListening(listen=("127.0.0.1:1",), remote=80),
        AttachState(state=State.READY),
        AttachState(state=State.DEGRADED),
    ]
    events.close()
    assert accepting.accepted == set()
