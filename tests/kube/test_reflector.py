"""Reflectors against a scripted server, over real HTTP, with the waits made short."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from kfwd.backoff import Backoff
from kfwd.errors import ApiError, Forbidden, Unreachable
from kfwd.kube.objects import PODS, Pod
from kfwd.kube.reflector import Pace, Reflector
from kfwd.tasks import TaskSet
from tests.kube.scripted import (
    PATIENCE_S,
    Reply,
    ScriptedServer,
    answer,
    api_of,
    bookmark,
    cut_off,
    event,
    events,
    expired,
    failure,
    listed,
    pod,
    serving,
    silence,
)

NO_LIST = failure(403, "cannot list", "Forbidden")
NO_WATCH = failure(403, "cannot watch", "Forbidden")
NO_GET = failure(403, "cannot get", "Forbidden")
MISSING = failure(404, 'pods "a" not found', "NotFound")


def quick(**given: Any) -> Pace:
    """Waits of milliseconds, except those that a test is about."""
    usual: dict[str, Any] = {
        "poll_s": 0.02,
        "rules_s": 0.02,
        "nudge_gap_s": 0.0,
        "short_s": 0.0,
        "uniform": lambda low, high: low,
        "backoff": lambda: Backoff(first=0.01, cap=0.05),
    }
    return Pace(**(usual | given))


class Watched:
    """A running reflector and how often it woke."""

    def __init__(self, reflector: Reflector[Pod]) -> None:
        self.reflector = reflector
        self.wakes = 0
        self._woken = asyncio.Event()
        reflector.subscribe(self._wake)

    def _wake(self) -> None:
        self.wakes += 1
        self._woken.set()

    @property
    def names(self) -> dict[str, str]:
        """Name and resource version of every object."""
        return {key: o.metadata.resource_version for key, o in self.reflector.objects.items()}

    async def until(self, holds: Callable[[Reflector[Pod]], object]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds(self.reflector):
                self._woken.clear()
                await self._woken.wait()

    async def until_names(self, **expected: str) -> None:
        await self.until(lambda _: self.names == expected)


@asynccontextmanager
async def reflecting(
    server: ScriptedServer,
    *,
    namespace: str | None = "shop",
    name: str | None = None,
    pace: Pace | None = None,
) -> AsyncIterator[Watched]:
    tasks = TaskSet("test")
    async with api_of(server) as api:
        reflector = Reflector(api, PODS, namespace, name, pace=pace or quick())
        watched = Watched(reflector)
        tasks.spawn(reflector.run(), "reflector")
        try:
            yield watched
        finally:
            await tasks.close()


def versions(server: ScriptedServer) -> list[str]:
    return [request.query["resourceVersion"] for request in server.asking("watch")]


async def test_it_lists_once_then_follows_the_watch() -> None:
    stream = events(
        event("MODIFIED", pod("a", 11)),
        event("ADDED", pod("c", 12)),
        event("DELETED", pod("b", 13)),
        stay=True,
    )
    script = {"list": listed(10, pod("a"), pod("b")), "watch": stream}
    async with serving(**script) as server, reflecting(server) as watched:
        await watched.until_names(a="11", c="12")
        assert server.asked == ["list", "watch"]
        assert versions(server) == ["10"]
        assert (watched.reflector.mode, watched.reflector.problem) == ("watch", None)


async def test_a_list_wakes_once_and_so_does_a_batch() -> None:
    batch = b"".join(event("ADDED", pod(f"p{i}", 11 + i)) for i in range(100))
    script = {"list": listed(10, pod("a"), pod("b")), "watch": events(batch, stay=True)}
    async with serving(**script) as server, reflecting(server) as watched:
        await watched.until(lambda r: len(r.objects) == 102)
        assert watched.wakes == 2


async def test_ready_waits_for_the_first_list() -> None:
    async with serving(list=listed(10, pod("a"))) as server, reflecting(server) as watched:
        assert not watched.reflector.synced
        await watched.reflector.ready()
        assert watched.reflector.synced
        assert watched.names == {"a": "1"}


async def test_ready_does_not_wait_for_what_may_never_come() -> None:
    async with serving(list=NO_LIST) as server, reflecting(server) as watched:
        await watched.reflector.ready()
        assert not watched.reflector.synced
        assert isinstance(watched.reflector.problem, Forbidden)


async def test_a_clean_end_goes_on_where_it_was_without_a_list() -> None:
    watches = [events(event("ADDED", pod("a", 11))), events(bookmark(20)), events(stay=True)]
    async with serving(list=listed(10), watch=watches) as server, reflecting(server):
        await server.seen("watch", 3)
        assert versions(server) == ["10", "11", "20"]
        assert server.asked.count("list") == 1


async def test_410_inside_the_stream_lists_once_and_loses_nothing() -> None:
    """Conformance check 30 of the protocol notes."""
    lists = [listed(10, pod("a"), pod("b")), listed(30, pod("b", 2), pod("c", 25))]
    first = events(event("ADDED", pod("d", 11)) + expired())
    watches = [first, events(event("ADDED", pod("e", 31)), stay=True)]
    async with serving(list=lists, watch=watches) as server, reflecting(server) as watched:
        await watched.until_names(b="2", c="25", e="31")
        assert server.asked == ["list", "watch", "list", "watch"]
        assert versions(server) == ["10", "30"]
        assert watched.reflector.synced


async def test_410_as_an_http_status_lists_again_too() -> None:
    watches = [failure(410, "too old resource version", "Expired"), events(stay=True)]
    lists = [listed(10, pod("a")), listed(30, pod("b"))]
    async with serving(list=lists, watch=watches) as server, reflecting(server) as watched:
        await watched.until_names(b="1")
        await server.seen("watch", 2)
        assert versions(server) == ["10", "30"]


async def test_events_before_a_410_in_the_same_chunk_count() -> None:
    stream = events(event("DELETED", pod("a", 11)) + expired())
    lists = [listed(10, pod("a")), silence]
    async with serving(list=lists, watch=stream) as server, reflecting(server) as watched:
        await watched.reflector.ready()
        await watched.until(lambda r: not r.objects)


async def test_a_list_that_finds_nothing_new_wakes_nobody() -> None:
    lists = [listed(10, pod("a")), listed(30, pod("a"))]
    watches = [events(expired()), events(stay=True)]
    async with serving(list=lists, watch=watches) as server, reflecting(server) as watched:
        await server.seen("watch", 2)
        assert watched.wakes == 1


async def test_a_pod_replaced_under_its_name_between_lists_is_noticed() -> None:
    lists = [listed(10, pod("a")), listed(30, pod("a", uid="another"))]
    watches = [events(expired()), events(stay=True)]
    async with serving(list=lists, watch=watches) as server, reflecting(server) as watched:
        await watched.until(lambda r: [o.metadata.uid for o in r.objects.values()] == ["another"])


@pytest.mark.parametrize("seconds", ["0", "1"])
async def test_a_throttled_watch_comes_again_when_told_and_without_a_list(seconds: str) -> None:
    busy = answer(
        429, b"Too many requests, please try again later.\n", "text/plain", Retry_After=seconds
    )
    watches = [busy, events(stay=True)]
    async with serving(list=listed(10), watch=watches) as server, reflecting(server) as watched:
        await watched.until(lambda r: isinstance(r.problem, ApiError))
        watched.reflector.refresh()
        await server.seen("watch", 2)
        assert server.asked == ["list", "watch", "watch"]
        assert server.times[2] - server.times[1] >= 1.0
        assert versions(server) == ["10", "10"]


async def test_a_throttled_list_comes_again_when_told() -> None:
    busy = answer(429, b"later", "text/plain", Retry_After="1")
    script = {"list": [busy, listed(10, pod("a"))]}
    async with serving(**script) as server, reflecting(server) as watched:
        await watched.until_names(a="1")
        assert server.times[1] - server.times[0] >= 1.0


async def test_a_cut_watch_goes_on_where_it_was_and_is_no_problem() -> None:
    watches = [events(event("ADDED", pod("a", 11)), cut=True), events(stay=True)]
    async with serving(list=listed(10), watch=watches) as server, reflecting(server) as watched:
        await server.seen("watch", 2)
        assert versions(server) == ["10", "11"]
        assert server.asked.count("list") == 1
        assert watched.reflector.problem is None


async def test_what_is_known_stays_while_the_server_is_away() -> None:
    watches = [events(cut=True), cut_off, cut_off, events(event("ADDED", pod("b", 11)), stay=True)]
    script = {"list": listed(10, pod("a")), "watch": watches}
    async with serving(**script) as server, reflecting(server) as watched:
        await watched.until(lambda r: isinstance(r.problem, Unreachable))
        assert watched.names == {"a": "1"}
        assert watched.reflector.synced
        await watched.until(lambda r: r.problem is None)
        await watched.until_names(a="1", b="11")
        assert server.asked.count("list") == 1


@pytest.mark.parametrize("nonsense", [b"nonsense\n", event("ERROR", {"code": 500, "message": "x"})])
async def test_a_server_that_keeps_sending_nonsense_is_listed_again(nonsense: bytes) -> None:
    watches = [events(nonsense)] * 4 + [events(stay=True)]
    lists = [listed(10), listed(20, pod("a"))]
    async with serving(list=lists, watch=watches) as server, reflecting(server) as watched:
        await watched.until_names(a="1")
        assert server.asked.count("list") == 2


@pytest.mark.parametrize("chunks", [[], [bookmark(11)]])
async def test_watches_that_end_at_once_without_news_back_off(chunks: list[bytes]) -> None:
    pace = quick(short_s=1.0, backoff=lambda: Backoff(first=0.2, cap=0.2, uniform=lambda a, b: b))
    script = {"list": listed(10), "watch": events(*chunks)}
    async with serving(**script) as server, reflecting(server, pace=pace):
        await server.seen("watch", 2)
        assert server.times[2] - server.times[1] >= 0.2


async def test_a_refresh_cuts_the_back_off_short() -> None:
    pace = quick(backoff=lambda: Backoff(first=60, cap=60))
    script = {"list": [failure(500, "boom"), listed(10, pod("a"))]}
    async with serving(**script) as server, reflecting(server, pace=pace) as watched:
        await watched.reflector.ready()
        assert isinstance(watched.reflector.problem, ApiError)
        watched.reflector.refresh()
        await watched.until_names(a="1")
        assert watched.reflector.problem is None


async def test_a_refresh_renews_a_watch_that_may_be_dead() -> None:
    watches = [events(event("ADDED", pod("a", 11)), stay=True), events(stay=True)]
    async with serving(list=listed(10), watch=watches) as server, reflecting(server) as watched:
        await watched.until_names(a="11")
        watched.reflector.refresh()
        await server.seen("watch", 2)
        assert versions(server) == ["10", "11"]
        assert server.asked.count("list") == 1


async def test_refreshes_are_a_second_apart() -> None:
    pace = quick(nudge_gap_s=0.3)
    watches = [events(event("ADDED", pod(name)), stay=True) for name in "abc"]
    script = {"list": listed(10), "watch": watches}
    async with serving(**script) as server, reflecting(server, pace=pace) as watched:
        await watched.until_names(a="1")
        watched.reflector.refresh()
        await watched.until_names(a="1", b="1")
        for _ in range(50):
            watched.reflector.refresh()
        await watched.until_names(a="1", b="1", c="1")
        assert server.times[3] - server.times[2] >= 0.25


async def test_refreshes_do_not_cut_a_watch_that_is_slow_to_answer() -> None:
    answered = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        await answered.wait()
        return await events(event("ADDED", pod("a", 11)), stay=True)(request)

    async with serving(list=listed(10), watch=slow) as server, reflecting(server) as watched:
        await server.seen("watch", 1)
        watched.reflector.refresh()
        await asyncio.sleep(0)
        answered.set()
        await watched.until_names(a="11")
        assert server.asked == ["list", "watch"]


async def test_watches_are_asked_for_a_random_time() -> None:
    asked: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        asked.append((low, high))
        return 432.1

    pace = quick(uniform=uniform)
    async with serving(list=listed(10)) as server, reflecting(server, pace=pace):
        [request] = await server.seen("watch")
        assert request.query["timeoutSeconds"] == "432"
        assert asked == [(300, 600)]


async def test_where_a_watch_is_forbidden_it_lists_every_few_seconds_and_warns() -> None:
    lists = [listed(10, pod("a")), listed(20, pod("b")), listed(30, pod("c"))]
    pace = quick(rules_s=60)
    script = {"list": lists, "watch": NO_WATCH}
    async with serving(**script) as server, reflecting(server, pace=pace) as watched:
        await watched.until_names(c="1")
        assert watched.reflector.synced
        assert watched.reflector.mode == "poll"
        assert isinstance(watched.reflector.problem, Forbidden)
        assert watched.reflector.problem.code == "polling"
        assert "cannot watch" in watched.reflector.problem.text
        assert server.asked.count("watch") == 1


async def test_the_warning_that_a_watch_is_forbidden_comes_at_once_and_once() -> None:
    script = {"list": listed(10, pod("a")), "watch": NO_WATCH}
    async with serving(**script) as server:
        async with reflecting(server, pace=quick(poll_s=60)) as watched:
            await watched.until(lambda r: r.problem)
            assert server.asked == ["list", "watch"]
        async with reflecting(server) as watched:
            await server.seen("watch", 5)
            assert watched.wakes == 2


async def test_a_watch_is_tried_again_since_rules_change() -> None:
    watches = [NO_WATCH, NO_WATCH, events(event("ADDED", pod("b", 11)), stay=True)]
    script = {"list": listed(10, pod("a")), "watch": watches}
    async with serving(**script) as server, reflecting(server) as watched:
        await watched.until_names(a="1", b="11")
        assert (watched.reflector.mode, watched.reflector.problem) == ("watch", None)


async def test_an_api_server_that_has_not_read_its_rules_yet_changes_nothing() -> None:
    watches = [
        *(events(), NO_WATCH, NO_WATCH),
        events(event("ADDED", pod("b", 11)), stay=True),
    ]
    script = {"list": listed(10, pod("a")), "watch": watches}
    async with serving(**script) as server, reflecting(server) as watched:
        await watched.until_names(a="1", b="11")
        assert (server.asked, watched.wakes) == (["list", *["watch"] * 4], 2)
        assert (watched.reflector.mode, watched.reflector.problem) == ("watch", None)


async def test_rules_that_stay_changed_are_believed() -> None:
    script = {"list": listed(10, pod("a")), "watch": [events(), NO_WATCH]}
    pace = quick(doubt_s=0.1, rules_s=60)
    async with serving(**script) as server, reflecting(server, pace=pace) as watched:
        await watched.until(lambda r: r.problem)
        assert watched.reflector.mode == "poll"
        assert server.asked.count("watch") > 2


async def test_a_forbidden_list_is_tried_again_since_rules_change() -> None:
    async with (
        serving(list=[NO_LIST, listed(10, pod("a"))]) as server,
        reflecting(server) as watched,
    ):
        await watched.until_names(a="1")
        assert watched.reflector.problem is None


async def test_once_a_forbidden_list_is_allowed_a_watch_is_tried_at_once() -> None:
    pace = quick(rules_s=60)
    lists = [listed(10, pod("a")), NO_LIST, listed(20, pod("b"))]
    script = {"list": lists, "watch": [NO_WATCH, events(stay=True)]}
    async with serving(**script) as server, reflecting(server, pace=pace) as watched:
        await watched.until(lambda r: r.problem and r.problem.text == "cannot list")
        watched.reflector.refresh()
        await server.seen("watch", 2)
        await watched.until(lambda r: r.problem is None)
        assert watched.reflector.mode == "watch"
        assert watched.names == {"b": "1"}


async def test_one_object_is_watched_by_its_name() -> None:
    script: dict[str, Reply] = {
        "list a": listed(10, pod("a")),
        "watch a": events(event("MODIFIED", pod("a", 11)), stay=True),
    }
    async with serving(**script) as server, reflecting(server, name="a") as watched:
        await watched.until_names(a="11")
        assert watched.reflector.mode == "watch-name"
        assert server.asked == ["list a", "watch a"]


@pytest.mark.parametrize(
    "script",
    [{"list a": NO_LIST}, {"list a": listed(10, pod("a", 5)), "watch a": NO_WATCH}],
    ids=["no list", "no watch"],
)
async def test_an_object_that_may_only_be_got_is_got_every_few_seconds(
    script: dict[str, Reply],
) -> None:
    """Protocol notes L.21: `get` alone does not allow a watch by name either."""
    gets = {"get a": [answer(200, pod("a", 7)), MISSING, answer(200, pod("a", 9))]}
    async with serving(**script, **gets) as server, reflecting(server, name="a") as watched:
        await watched.until_names(a="7")
        await watched.until_names()
        await watched.until_names(a="9")
        assert watched.reflector.synced
        assert watched.reflector.mode == "poll"
        assert isinstance(watched.reflector.problem, Forbidden)
        assert watched.reflector.problem.code == "polling"


async def test_a_refresh_gets_the_object_at_once() -> None:
    pace = quick(poll_s=60)
    gets = [answer(200, pod("a", 7)), answer(200, pod("a", 8))]
    script = {"list a": NO_LIST, "get a": gets}
    async with serving(**script) as server, reflecting(server, name="a", pace=pace) as watched:
        await watched.until_names(a="7")
        watched.reflector.refresh()
        await watched.until_names(a="8")


async def test_an_object_that_is_hidden_altogether_is_forbidden() -> None:
    script = {"list a": NO_LIST, "get a": [NO_GET, answer(200, pod("a", 7))]}
    async with serving(**script) as server, reflecting(server, name="a") as watched:
        await watched.reflector.ready()
        assert isinstance(watched.reflector.problem, Forbidden)
        assert watched.reflector.problem.text == "cannot get"
        await watched.until_names(a="7")


async def test_over_all_namespaces_objects_are_told_apart() -> None:
    twins = listed(10, pod("a", 1), pod("a", 2, namespace="other", uid="2"))
    gone = events(event("DELETED", pod("a", 11)), stay=True)
    async with (
        serving(list=twins, watch=gone) as server,
        reflecting(server, namespace=None) as watched,
    ):
        await watched.until(lambda r: set(r.objects) == {"other/a"})
        assert str(watched.reflector) == "pods"


async def test_a_list_of_5000_pods_does_not_hold_the_loop_for_long() -> None:
    pages = [
        listed(10, *(heavy(f"p-{page}-{i}") for i in range(500)), token="" if page == 9 else "t")
        for page in range(10)
    ]
    async with serving(list=pages) as server, reflecting(server) as watched:
        turns = await turns_until_synced(watched.reflector)
        assert len(watched.reflector.objects) == 5000
        assert max(turns) < 0.02


def heavy(name: str) -> dict[str, Any]:
    """A pod of some 4 KB, as they are."""
    fields = [{"manager": "kubelet", "fieldsV1": {f"f:{i}": {"x": "y" * 60}}} for i in range(30)]
    return pod(name, managedFields=fields) | {"spec": {"nodeName": "n"}, "status": {"phase": "x"}}


async def turns_until_synced(reflector: Reflector[Pod]) -> list[float]:
    """Seconds of CPU that each turn of the loop took, until the first list is in."""
    turns = list[float]()
    while not reflector.synced:
        before = time.thread_time()
        await asyncio.sleep(0)
        turns.append(time.thread_time() - before)
    return turns
