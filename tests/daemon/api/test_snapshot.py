"""What is and what changes, as clients get it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import msgspec
from prometheus_client.parser import text_string_to_metric_families

from kfwd.client.view import apply
from kfwd.daemon.api.snapshot import beating
from kfwd.model import AnyEvent, Snapshot, SnapshotEvent
from tests.daemon.rig import Rig

EVENT = msgspec.json.Decoder(AnyEvent)


async def next_event(stream: aiohttp.StreamReader) -> AnyEvent:
    async with asyncio.timeout(5):
        return EVENT.decode(await stream.readline())


async def test_the_snapshot_is_the_record_of_the_model(rig: Rig) -> None:
    await rig.add("db")
    async with asyncio.timeout(5):
        while True:  # until nothing happens between the answer and the look
            status, body = await rig.call("GET", "/v1/snapshot")
            now = rig.daemon.store.snapshot()
            if body["seq"] == now.seq:
                break
    assert status == 200
    assert msgspec.convert(body, Snapshot) == now
    assert body["entries"][0]["bytes"] == {"in": 0, "out": 0}


async def test_the_stream_begins_with_a_snapshot_and_leads_to_the_present(rig: Rig) -> None:
    async with rig.http.get("http://kfwd/v1/events") as answer:
        snapshot = apply(None, await next_event(answer.content))
        assert snapshot is not None
        assert snapshot.entries == ()
        await rig.add("one")
        await rig.add("two")
        await rig.call("DELETE", "/v1/entries/-/one")
        seqs = [snapshot.seq]
        while snapshot is None or snapshot.seq < rig.daemon.store.seq:
            event = await next_event(answer.content)
            seqs.append(event.seq)
            snapshot = apply(snapshot, event)
        assert snapshot.entries == rig.daemon.store.snapshot().entries
        assert snapshot.problems == rig.daemon.store.snapshot().problems
        assert seqs == list(range(seqs[0], seqs[-1] + 1))


async def test_every_subscriber_begins_with_the_present(rig: Rig) -> None:
    await rig.add("one")
    async with rig.http.get("http://kfwd/v1/events") as answer:
        first = await next_event(answer.content)
        assert isinstance(first, SnapshotEvent)
        assert [view.id for view in first.snapshot.entries] == ["-/one"]


async def test_metrics_are_what_prometheus_reads(rig: Rig) -> None:
    await rig.add("one")
    async with rig.http.get("http://kfwd/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        families = {f.name for f in text_string_to_metric_families(await answer.text())}
    assert {"kfwd_entry_state", "kfwd_connections", "kfwd_context_up"} <= families


async def test_a_quiet_source_beats_and_no_item_is_lost() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()

    class Source:
        def __aiter__(self) -> AsyncIterator[int]:
            return self

        async def __anext__(self) -> int:
            item = await queue.get()
            if item == 9:
                raise StopAsyncIteration
            return item

    seen: list[int | str] = []
    async for item in beating(Source(), lambda: "beat", every_s=0.01):
        seen.append(item)
        if len(seen) == 2:
            queue.put_nowait(1)
            queue.put_nowait(9)
    assert seen == ["beat", "beat", 1]
