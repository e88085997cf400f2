"""Lists and watches by the rules of protocol notes I."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kfwd.sim.exchange import Answer, WatchAnswer
from tests.sim.builders import Asker, create, pod

PODS = "/api/v1/namespaces/demo/pods"


@pytest.fixture
def asker() -> Asker:
    """A client of a cluster with pods a, b and c."""
    found = Asker()
    for name in "abc":
        create(found.store, pod(name, {"app": name}))
    return found


def names(listed: dict[str, Any]) -> list[str]:
    return [item["metadata"]["name"] for item in listed["items"]]


def events(answer: Answer | WatchAnswer) -> list[dict[str, Any]]:
    """The events that a watch sends before anything changes."""
    body = answer.body if isinstance(answer, Answer) else b"".join(answer.first)
    return [json.loads(line) for line in body.splitlines()]


def test_a_list_has_its_own_version_not_an_items(asker: Asker) -> None:
    asker.store.delete("pods", "demo", "c")
    listed = asker.json("GET", PODS)
    assert names(listed) == ["a", "b"]
    assert listed["metadata"]["resourceVersion"] == str(asker.store.version)


def test_selectors_and_namespaces_narrow_a_list(asker: Asker) -> None:
    assert names(asker.json("GET", f"{PODS}?labelSelector=app%20in%20(a,b)")) == ["a", "b"]
    assert names(asker.json("GET", f"{PODS}?fieldSelector=metadata.name%3Dc")) == ["c"]
    assert names(asker.json("GET", "/api/v1/namespaces/default/pods")) == []
    assert names(asker.json("GET", "/api/v1/pods")) == ["a", "b", "c"]
    error = asker.refusal("GET", f"{PODS}?fieldSelector=spec.x%3Dc")
    assert error.code == 400
    assert "field label not supported: spec.x" in error.message


def test_pages_show_one_snapshot_while_the_cluster_changes(asker: Asker) -> None:
    first = asker.json("GET", f"{PODS}?limit=2")
    assert (names(first), first["metadata"]["remainingItemCount"]) == (["a", "b"], 1)
    create(asker.store, pod("bb"))
    asker.store.delete("pods", "demo", "c")
    second = asker.json("GET", f"{PODS}?limit=2&continue={first['metadata']['continue']}")
    assert names(second) == ["c"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert "continue" not in second["metadata"]


def test_a_page_of_a_forgotten_snapshot_is_410(asker: Asker) -> None:
    token = asker.json("GET", f"{PODS}?limit=2")["metadata"]["continue"]
    create(asker.store, pod("d"))
    asker.store.compact()
    error = asker.refusal("GET", f"{PODS}?limit=2&continue={token}")
    assert (error.code, error.reason) == (410, "Expired")
    assert asker.refusal("GET", f"{PODS}?continue=rubbish").code == 400


def test_an_exact_version_is_shown_or_gone(asker: Asker) -> None:
    then = asker.store.version
    asker.store.delete("pods", "demo", "a")
    target = f"{PODS}?resourceVersion={then}&resourceVersionMatch=Exact"
    assert names(asker.json("GET", target)) == ["a", "b", "c"]
    assert names(asker.json("GET", f"{PODS}?resourceVersion={then}")) == ["b", "c"]
    asker.store.compact()
    assert asker.refusal("GET", target).code == 410


def test_a_version_from_the_future_is_504(asker: Asker) -> None:
    future = asker.store.version + 1
    for target in (f"{PODS}?resourceVersion={future}", f"{PODS}?watch=1&resourceVersion={future}"):
        assert asker.refusal("GET", target).code == 504
    assert asker.refusal("GET", f"{PODS}?resourceVersion=x").code == 400


def test_a_watch_without_a_version_begins_with_what_is_there(asker: Asker) -> None:
    for version in ("", "&resourceVersion=0"):
        found = events(asker.watch(f"{PODS}?watch=1{version}"))
        assert [event["type"] for event in found] == ["ADDED"] * 3


async def test_a_watch_from_a_version_sends_what_came_after_it(asker: Asker) -> None:
    since = asker.json("GET", PODS)["metadata"]["resourceVersion"]
    asker.store.delete("pods", "demo", "b")
    answer = asker.watch(f"{PODS}?watch=1&resourceVersion={since}")
    assert answer.first == []
    create(asker.store, pod("d"))
    sent = []
    for _ in range(2):
        change = await answer.watcher.next()
        assert change is not None
        sent.append(json.loads(answer.line(change)))
    assert [(e["type"], e["object"]["metadata"]["name"]) for e in sent] == [
        ("DELETED", "b"),
        ("ADDED", "d"),
    ]
    assert sent[0]["object"]["kind"] == "Pod"
    versions = [int(e["object"]["metadata"]["resourceVersion"]) for e in sent]
    assert versions == sorted(versions)


def test_a_watch_from_a_forgotten_version_is_an_error_event_in_a_200(asker: Asker) -> None:
    since = asker.store.version
    create(asker.store, pod("d"))
    asker.store.compact()
    answer = asker.ask("GET", f"{PODS}?watch=1&resourceVersion={since}")
    assert isinstance(answer, Answer)
    assert answer.code == 200
    [event] = events(answer)
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
    assert event["object"]["reason"] == "Expired"


STREAM = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"


def test_a_watch_list_ends_its_snapshot_with_an_annotated_bookmark(asker: Asker) -> None:
    found = events(asker.watch(f"{PODS}?{STREAM}&allowWatchBookmarks=true"))
    assert [event["type"] for event in found] == ["ADDED", "ADDED", "ADDED", "BOOKMARK"]
    meta = found[-1]["object"]["metadata"]
    assert meta["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert meta["resourceVersion"] == str(asker.store.version)


def test_send_initial_events_needs_its_match_and_a_watch(asker: Asker) -> None:
    assert asker.refusal("GET", f"{PODS}?watch=1&sendInitialEvents=true").code == 422
    target = f"{PODS}?sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
    assert asker.refusal("GET", target).code == 422


def test_bookmarks_come_only_to_those_who_ask(asker: Asker) -> None:
    assert asker.watch(f"{PODS}?watch=1").bookmark is None
    bookmark = asker.watch(f"{PODS}?watch=1&allowWatchBookmarks=true").bookmark
    assert bookmark is not None
    event = json.loads(bookmark(77))
    assert (event["type"], event["object"]["metadata"]["resourceVersion"]) == ("BOOKMARK", "77")


def test_the_lifetime_of_a_watch_is_the_clients(asker: Asker) -> None:
    assert asker.watch(f"{PODS}?watch=1&timeoutSeconds=9").timeout_s == 9
    assert asker.watch(f"{PODS}?watch=1").timeout_s is None
