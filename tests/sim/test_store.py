from __future__ import annotations

import asyncio

import pytest

from kfwd.sim.store import Change, Gone, Store, selected


def obj(name: str, namespace: str = "demo", **labels: str) -> dict[str, object]:
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels}}


def everything(_: object) -> bool:
    return True


def test_every_write_gets_the_next_version_and_a_write_that_changes_nothing_none() -> None:
    store = Store()
    first = store.create("pods", obj("a"))
    second = store.create("pods", obj("b"))
    assert int(second["metadata"]["resourceVersion"]) == store.version
    assert int(first["metadata"]["resourceVersion"]) == store.version - 1
    assert store.replace("pods", second) is second
    assert int(second["metadata"]["resourceVersion"]) == store.version


def test_an_update_works_on_a_copy_and_keeps_identity() -> None:
    store = Store()
    made = store.create("pods", obj("a"))
    changed = store.update("pods", "demo", "a", lambda o: o.update(status={"phase": "Running"}))
    assert changed is not None
    assert "status" not in made
    assert changed["metadata"]["uid"] == made["metadata"]["uid"]
    assert store.update("pods", "demo", "missing", lambda o: None) is None


def test_a_name_is_taken_once() -> None:
    store = Store()
    store.create("pods", obj("a"))
    with pytest.raises(KeyError):
        store.create("pods", obj("a"))


def test_objects_come_in_the_order_of_namespace_and_name() -> None:
    store = Store()
    for name, namespace in (("b", "x"), ("a", "x"), ("c", "a")):
        store.create("pods", obj(name, namespace))
    assert [o["metadata"]["name"] for o in store.objects("pods")] == ["c", "a", "b"]
    assert [o["metadata"]["name"] for o in store.objects("pods", "x")] == ["a", "b"]


def test_a_deleted_object_is_told_with_the_version_of_its_deletion() -> None:
    store = Store()
    heard: list[Change] = []
    unsubscribe = store.subscribe(heard.append)
    store.create("pods", obj("a"))
    gone = store.delete("pods", "demo", "a")
    unsubscribe()
    store.create("pods", obj("b"))
    assert [change.type for change in heard] == ["ADDED", "DELETED"]
    assert gone is not None
    assert int(gone["metadata"]["resourceVersion"]) == heard[1].version


def test_a_snapshot_shows_the_objects_as_they_were() -> None:
    store = Store()
    store.create("pods", obj("a"))
    store.create("pods", obj("b"))
    then = store.version
    store.delete("pods", "demo", "a")
    store.update("pods", "demo", "b", lambda o: o.update(status={}))
    store.create("pods", obj("c"))
    snapshot = store.snapshot("pods", then)
    assert sorted(key[1] for key in snapshot) == ["a", "b"]
    assert "status" not in snapshot["demo", "b"]


def test_versions_that_left_the_history_are_gone() -> None:
    store = Store(window=2)
    for name in "abcd":
        store.create("pods", obj(name))
    assert [c.object["metadata"]["name"] for c in store.since("pods", store.version - 2)] == [
        "c",
        "d",
    ]
    with pytest.raises(Gone):
        store.since("pods", store.version - 3)


@pytest.mark.parametrize(
    ("before", "now", "seen"),
    [
        (None, "x", "ADDED"),
        ("x", "x", "MODIFIED"),
        ("y", "x", "ADDED"),
        ("x", "y", "DELETED"),
        ("y", "y", None),
    ],
)
def test_a_selector_turns_changes_into_what_its_watch_sees(
    before: str | None, now: str, seen: str | None
) -> None:
    previous = None if before is None else obj("a", app=before)
    change = Change("MODIFIED" if before else "ADDED", 5, "pods", obj("a", app=now), previous)
    found = selected(change, lambda o: o["metadata"]["labels"]["app"] == "x")
    assert (found.type if found else None) == seen


async def test_a_watcher_hears_the_backlog_and_then_what_comes_in_order() -> None:
    store = Store()
    store.create("pods", obj("a"))
    since = store.version
    store.create("pods", obj("b"))
    watcher = store.watch("pods", since, everything)
    store.create("services", obj("other"))
    store.delete("pods", "demo", "a")
    found = [await watcher.next(), await watcher.next()]
    assert [(c.type, c.object["metadata"]["name"]) for c in found if c] == [
        ("ADDED", "b"),
        ("DELETED", "a"),
    ]
    store.unwatch("pods", watcher)
    assert await watcher.next() is None


async def test_a_watcher_that_waits_is_woken_by_a_change() -> None:
    store = Store()
    watcher = store.watch("pods", store.version, everything)
    asyncio.get_running_loop().call_soon(store.create, "pods", obj("late"))
    async with asyncio.timeout(5):
        change = await watcher.next()
    assert change is not None
    assert change.object["metadata"]["name"] == "late"


async def test_a_watcher_that_falls_behind_is_cut_off() -> None:
    store = Store()
    watcher = store.watch("pods", store.version, everything, limit=2)
    for name in "abc":
        store.create("pods", obj(name))
    assert [await watcher.next() is not None for _ in range(2)] == [True, True]
    assert await watcher.next() is None
    assert not watcher.expired


async def test_compaction_ends_watches_as_expired_and_forgets_older_versions() -> None:
    store = Store()
    then = store.version
    watcher = store.watch("pods", then, everything)
    store.create("pods", obj("a"))
    store.compact()
    assert await watcher.next() is not None
    assert await watcher.next() is None
    assert watcher.expired
    with pytest.raises(Gone):
        store.watch("pods", then, everything)
    assert store.watch("pods", store.version, everything)
