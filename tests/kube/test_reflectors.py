from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from kfwd.backoff import Backoff
from kfwd.errors import Forbidden
from kfwd.kube.objects import PODS, SERVICES
from kfwd.kube.reflector import Source
from kfwd.kube.reflectors import Reflectors
from tests.kube.scripted import (
    PATIENCE_S,
    ScriptedServer,
    answer,
    api_of,
    event,
    events,
    failure,
    listed,
    pod,
    serving,
)
from tests.kube.test_reflector import quick

NO_LIST = failure(403, "cannot list", "Forbidden")


@asynccontextmanager
async def sharing(server: ScriptedServer) -> AsyncIterator[Reflectors]:
    async with api_of(server) as api:
        reflectors = Reflectors(api, "dev", pace=quick(rules_s=0.05))
        try:
            yield reflectors
        finally:
            assert await reflectors.close() == []


async def until(source: Source[Any], holds: Callable[[], bool]) -> None:
    woken = asyncio.Event()
    leave = source.subscribe(woken.set)
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            woken.clear()
            await woken.wait()
    leave()


async def test_all_users_of_a_kind_and_namespace_share_one_watch() -> None:
    async with serving(list=listed(10, pod("a"))) as server, sharing(server) as reflectors:
        with reflectors.use(PODS, "shop") as one, reflectors.use(PODS, "shop") as two:
            assert one is two
            with reflectors.use(PODS, "shop", "a") as three:
                await three.ready()
                assert list(three.objects) == ["a"]
                await server.seen("watch")
                assert server.asked == ["list", "watch"]
                assert len(reflectors) == 1


async def test_kinds_and_namespaces_are_watched_apart() -> None:
    script = {"list": listed(10), "services": listed(10)}
    async with serving(**script) as server, sharing(server) as reflectors:
        with (
            reflectors.use(PODS, "shop"),
            reflectors.use(PODS, "other"),
            reflectors.use(PODS, None),
            reflectors.use(SERVICES, "shop") as services,
        ):
            await services.ready()
            assert len(reflectors) == 4


async def test_the_last_user_ends_the_watch() -> None:
    gone = asyncio.Event()
    watch = events(stay=True)

    async def reply(request: object) -> object:
        try:
            return await watch(request)  # type: ignore[arg-type]  # handed on as it comes
        finally:
            gone.set()

    script = {"list": listed(10), "watch": reply}
    async with serving(**script) as server, sharing(server) as reflectors:  # type: ignore[arg-type]  # see above
        with reflectors.use(PODS, "shop"):
            with reflectors.use(PODS, "shop"):
                await server.seen("watch")
            assert len(reflectors) == 1
        assert len(reflectors) == 0
        async with asyncio.timeout(PATIENCE_S):
            await gone.wait()


async def test_get_on_one_pod_is_enough_to_follow_it() -> None:
    """Design section 3: narrow rights; protocol notes L.21."""
    script = {"list": NO_LIST, "list a": NO_LIST, "get a": answer(200, pod("a", 7))}
    async with serving(**script) as server, sharing(server) as reflectors:
        with reflectors.use(PODS, "shop", "a") as source:
            async with asyncio.timeout(PATIENCE_S):
                await source.ready()
            assert list(source.objects) == ["a"]
            assert (source.synced, source.mode) == (True, "poll")
            assert isinstance(source.problem, Forbidden)
            assert len(reflectors) == 2
        assert len(reflectors) == 0


async def test_several_names_are_followed_apart_and_one_name_once() -> None:
    script = {
        "list": NO_LIST,
        "list a": listed(1, pod("a")),
        "list b": listed(1, pod("b")),
    }
    async with serving(**script) as server, sharing(server) as reflectors:
        with (
            reflectors.use(PODS, "shop", "a") as one,
            reflectors.use(PODS, "shop", "a") as same,
            reflectors.use(PODS, "shop", "b") as other,
        ):
            async with asyncio.timeout(PATIENCE_S):
                await one.ready()
                await other.ready()
            assert (list(one.objects), list(other.objects)) == (["a"], ["b"])
            assert one.objects is same.objects
            assert (one.mode, one.problem) == ("watch-name", None)
            assert len(reflectors) == 3


async def test_once_the_namespace_may_be_listed_names_are_no_longer_followed_apart() -> None:
    script = {"list": [NO_LIST, listed(9, pod("a", 9))], "list a": listed(1, pod("a"))}
    async with serving(**script) as server, sharing(server) as reflectors:
        with reflectors.use(PODS, "shop", "a") as source:
            await source.ready()
            await until(source, lambda: source.mode == "watch")
            assert source.objects["a"].metadata.resource_version == "9"
            assert len(reflectors) == 1


async def test_a_refresh_reaches_all() -> None:
    news = events(event("ADDED", pod("new", 11)), stay=True)
    script = {"list": listed(10), "services": listed(10), "watch": news}
    async with serving(**script) as server, sharing(server) as reflectors:
        with reflectors.use(PODS, "shop") as pods, reflectors.use(SERVICES, "shop") as services:
            await until(pods, lambda: "new" in pods.objects)
            await until(services, lambda: "new" in services.objects)
            reflectors.refresh()
            await server.seen("watch", 4)


async def test_closing_stops_what_is_still_in_use() -> None:
    async with serving(list=listed(10)) as server, sharing(server) as reflectors:
        with reflectors.use(PODS, "shop"):
            await server.seen("watch")
            assert await reflectors.close() == []


async def test_a_restart_forgets_what_failed_and_looks_at_once() -> None:
    pace = quick(backoff=lambda: Backoff(first=60, cap=60))
    script = {"list": [failure(500, "boom"), listed(10, pod("a"))]}
    async with serving(**script) as server, api_of(server) as api:
        reflectors = Reflectors(api, "dev", pace=pace)
        with reflectors.use(PODS, "shop") as pods:
            await pods.ready()
            reflectors.restart()
            await until(pods, lambda: "a" in pods.objects)
        assert await reflectors.close() == []
