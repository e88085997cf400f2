"""Tunnels on demand: when they are made, what they wait for, when they go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kfwd.entries import backends
from kfwd.entries.backends import Backends, Destination, Route
from kfwd.errors import NotReady
from kfwd.front.forwarder import Front
from kfwd.proxy.upstream import Client
from kfwd.resolve import rules
from kfwd.resolve.landscape import Landscape
from kfwd.resolve.names import ToPod, ToService
from kfwd.resolve.rules import RuleObjects
from tests.front.rig import Rig, fronted
from tests.resolve.builders import member, piece, pod, service

WEB = ToService("shop", "web", "80")
CLIENT = Client("127.0.0.1:5", "127.0.0.1:80")
RULES = rules.build(RuleObjects())


def known(*ready: str, pods: tuple[str, ...] = ()) -> Landscape:
    """Service `web` with these ready pods; `pods` are there and not ready."""
    found = {f"shop/{name}": pod(name) for name in ready}
    found |= {f"shop/{name}": pod(name, ready=False) for name in pods}
    slices = {"shop/web-1": piece(*(member(name) for name in ready))}
    return Landscape(services={"shop/web": service("web")}, slices=slices, pods=found, rules=RULES)


@asynccontextmanager
async def places() -> AsyncIterator[tuple[Backends, Rig]]:
    async with fronted() as rig:

        def make(place: Destination) -> Front:
            nothing: Callable[[], Any] = lambda: None  # noqa: E731  # both callbacks are of no use here
            return Front(
                place.name,
                rig.pool,
                budget=rig.budget,
                hold_s=1.0,
                on_change=nothing,
                look_again=nothing,
            )

        made = Backends(make)
        try:
            yield made, rig
        finally:
            assert await made.close() == []


async def test_a_place_gets_tunnels_when_it_is_first_asked_for() -> None:
    async with places() as (made, rig):
        made.follow(known("web-1"))
        route = Route(made, WEB, reuse=True)
        assert (made.fronts, rig.hub.dials) == ([], 0)
        await route.connect(CLIENT, fresh=False)
        assert len(made.fronts) == 1
        assert made.at(WEB) is made.at(ToService("shop", "web", "80"))
        await rig.hub.next("web-1")


async def test_a_pod_is_a_place_too() -> None:
    async with places() as (made, rig):
        made.follow(known("web-1"))
        await Route(made, ToPod("shop", "web-1", "8080"), reuse=False).connect(CLIENT, fresh=True)
        await rig.hub.next("web-1")


async def test_a_place_whose_pods_are_coming_is_waited_for() -> None:
    async with places() as (made, _):
        made.follow(known(pods=("web-1",)))
        waits = asyncio.gather(Route(made, WEB, reuse=True).connect(CLIENT, fresh=False))
        await asyncio.sleep(0)
        assert not waits.done()
        made.follow(known("web-1"))
        async with asyncio.timeout(2):
            await waits


async def test_waiting_ends_and_says_what_is_the_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "HOLD_S", 0.05)
    async with places() as (made, _):
        made.follow(known(pods=("web-1",)))
        with pytest.raises(NotReady, match="web-1 is running but not ready"):
            await Route(made, WEB, reuse=True).connect(CLIENT, fresh=False)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (WEB, "has no pods"),
        (ToPod("shop", "web-9", "80"), "there is no pod/web-9"),
        (ToService("shop", "nope", "80"), "there is no svc/nope"),
        (ToService("shop", "web", "nope"), "no port"),
    ],
)
async def test_nothing_is_waited_for_where_nothing_is_coming(
    place: Destination, words: str
) -> None:
    async with places() as (made, _):
        made.follow(known())
        with pytest.raises(NotReady, match=words):
            await Route(made, place, reuse=True).connect(CLIENT, fresh=False)


async def test_too_many_places_make_room_by_the_one_that_was_idle_longest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backends, "BACKENDS_MAX", 2)
    async with places() as (made, _):
        made.follow(known("web-1"))
        ports = [ToPod("shop", "web-1", str(port)) for port in (1, 2, 3)]
        for place in ports:
            made.at(place)
        assert len(made.fronts) == 2
        oldest = made.at(ports[1])
        for backend in (oldest, made.at(ports[2])):
            backend.front.counters.open += 1
        with pytest.raises(NotReady, match="2 services are in use"):
            made.at(ports[0])
        for backend in (oldest, made.at(ports[2])):
            backend.front.counters.open -= 1


async def test_idle_places_go_and_busy_ones_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "IDLE_S", 0.0)
    async with places() as (made, _):
        made.follow(known("web-1"))
        backend = made.at(WEB)
        backend.front.counters.open += 1
        assert await made.tidy() == []
        assert len(made.fronts) == 1
        backend.front.counters.open -= 1
        assert await made.tidy() == []
        assert made.fronts == []
