"""Snapshot first, then every change in order; who falls behind is cut off."""

from __future__ import annotations

import asyncio

from kfwd.daemon.health import about
from kfwd.daemon.store import QUEUE, SAMPLE_S, Store, Subscription, sample
from kfwd.model import (
    AnyEvent,
    Bytes,
    Connections,
    CountersMoved,
    EndpointView,
    EntryChanged,
    EntryCounters,
    EntryRemoved,
    ProblemsChanged,
    ProfilesChanged,
    ProfileView,
    SnapshotEvent,
    State,
)
from kfwd.tasks import TaskSet
from tests.daemon.records import DAEMON, counters, entry, problem


def a_store() -> Store:
    return Store(DAEMON, "6f1c")


async def next_of(subscription: Subscription) -> AnyEvent:
    async with asyncio.timeout(5):
        return await anext(subscription)


async def test_the_first_event_is_the_whole_snapshot_and_the_next_carries_the_next_seq() -> None:
    store = a_store()
    store.put(entry("dev/a"))
    subscription = store.subscribe()
    store.put(entry("dev/b"))
    first, second = await next_of(subscription), await next_of(subscription)
    assert isinstance(first, SnapshotEvent)
    assert [view.id for view in first.snapshot.entries] == ["dev/a"]
    assert second == EntryChanged(seq=first.seq + 1, entry=entry("dev/b"))
    assert store.snapshot().seq == second.seq


async def test_every_event_has_a_seq_of_its_own_without_a_gap() -> None:
    store = a_store()
    subscription = store.subscribe()
    store.put(entry())
    store.put(entry(state=State.WAITING, problem=problem()))
    store.move([counters(total=1)])
    store.set_profiles([ProfileView(name="dev", context="dev", entries=1, problem=None)])
    store.remove("dev/web")
    kinds, seqs = [], []
    while len(seqs) < 8:
        event = await next_of(subscription)
        kinds.append(type(event))
        seqs.append(event.seq)
    assert seqs == list(range(8))
    assert kinds == [
        SnapshotEvent,
        EntryChanged,
        EntryChanged,
        ProblemsChanged,
        CountersMoved,
        ProfilesChanged,
        EntryRemoved,
        ProblemsChanged,
    ]


def test_a_snapshot_never_changes_after_it_was_taken() -> None:
    store = a_store()
    store.put(entry())
    before = store.snapshot()
    store.put(entry(state=State.WAITING))
    assert before.entries[0].state is State.READY
    assert store.snapshot().entries[0].state is State.WAITING


def test_a_view_that_only_counts_differently_is_no_change() -> None:
    store = a_store()
    store.put(entry())
    seq = store.seq
    busy = EndpointView(pod="web-1", address=None, ready=True, open=3)
    store.put(entry(connections=Connections(open=3), bytes=Bytes(sent=9), endpoints=(busy,)))
    assert store.seq == seq


async def test_counters_of_the_entries_that_moved_leave_in_one_event() -> None:
    store = a_store()
    for id in ("dev/a", "dev/b", "dev/c"):
        store.put(entry(id))
    subscription = store.subscribe()
    await next_of(subscription)
    store.move([counters("dev/a", received=1), counters("dev/b"), counters("dev/c", total=1)])
    event = await next_of(subscription)
    assert isinstance(event, CountersMoved)
    assert [moved.id for moved in event.entries] == ["dev/a", "dev/c"]
    assert store.snapshot().entries[0].bytes.received == 1


def test_counters_that_did_not_move_and_strangers_make_no_event() -> None:
    store = a_store()
    store.put(entry())
    seq = store.seq
    store.move([counters(), counters("dev/gone", total=5)])
    assert store.seq == seq


async def test_a_subscriber_that_falls_behind_is_cut_off_and_others_are_not() -> None:
    store = a_store()
    slow, cuts = store.subscribe(), []
    slow.on_cut = lambda: cuts.append(True)
    for number in range(QUEUE):
        store.put(entry(reconnects=number))
    assert cuts == [True]
    quick = store.subscribe()
    assert [event async for event in slow] == []
    assert isinstance(await next_of(quick), SnapshotEvent)


async def test_who_closes_gets_nothing_more() -> None:
    store = a_store()
    subscription = store.subscribe()
    subscription.close()
    store.put(entry())
    assert [event async for event in subscription] == []


def test_a_problem_that_is_raised_again_keeps_the_time_it_was_first_seen() -> None:
    store = a_store()
    first = about("daemon", problem())
    store.set_problem("state", first)
    seq = store.seq
    store.set_problem("state", about("daemon", problem(since=DAEMON.started.replace(year=2027))))
    assert store.snapshot().problems == (first,)
    assert store.seq == seq
    store.set_problem("state", None)
    assert store.snapshot().problems == ()


async def test_counters_are_read_only_while_somebody_watches() -> None:
    store, reads, twice = a_store(), list[float](), asyncio.Event()

    def read() -> list[EntryCounters]:
        reads.append(asyncio.get_running_loop().time())
        if len(reads) == 2:
            twice.set()
        return []

    tasks = TaskSet("test")
    tasks.spawn(sample(store, read), "sample")
    await asyncio.sleep(0)
    assert reads == []
    subscription = store.subscribe()
    async with asyncio.timeout(5):
        await twice.wait()
    assert reads[1] - reads[0] >= SAMPLE_S * 0.9
    subscription.close()
    await asyncio.sleep(SAMPLE_S * 1.5)
    assert len(reads) == 2
    await tasks.close()
