"""Every way to a target, tried, against a real daemon."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from kfwd.api_model import EntryRequest
from kfwd.model import ProxySpec
from kfwd.tui.screens.forward import Forward
from kfwd.tui.screens.overview import Overview
from kfwd.tui.screens.routes import Routes
from tests.tui.conftest import Place, running
from tests.tui.screen_text import screen, shows
from tests.tui.screens.test_browse import browsing
from tests.until import until


def page(pilot: Pilot[None]) -> Routes:
    found = pilot.app.screen
    assert isinstance(found, Routes)
    return found


@asynccontextmanager
async def routes(
    place: Place, entry: str = "shop/web", size: tuple[int, int] = (80, 24)
) -> AsyncIterator[Pilot[None]]:
    """The routes of an entry, all tried."""
    async with running(place, size) as pilot:
        overview = pilot.app.screen
        assert isinstance(overview, Overview)
        overview.table.pick(entry)
        await pilot.press("r")
        await until(lambda: isinstance(pilot.app.screen, Routes))
        await until(
            lambda: page(pilot).about is None or page(pilot)._asked.question is not None, 20
        )
        await pilot.pause()
        yield pilot


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_whole_screen(place: Place, size: tuple[int, int]) -> None:
    async with routes(place, size=size) as pilot:
        await shows(pilot.app, f"routes-{size[0]}x{size[1]}")


async def test_a_route_is_copied_opened_and_forwarded(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with routes(place) as pilot:
        opened: list[str] = []
        monkeypatch.setattr(pilot.app, "open_url", opened.append)
        way = page(pilot).subject
        assert way is not None
        assert (way.route.kind, way.up) == ("port-forward", True)
        await pilot.press("y")
        assert pilot.app.clipboard == way.address
        await pilot.press("enter")
        assert opened == [f"http://{way.address}/"]
        await pilot.press("down", "enter")
        assert pilot.app.clipboard.startswith("/api/v1/namespaces/")
        await pilot.press("f")
        await until(lambda: isinstance(pilot.app.screen, Forward))
        await until(lambda: "→ svc/web:" in screen(pilot.app))


async def test_what_is_picked_in_a_cluster_has_routes_too(place: Place) -> None:
    async with browsing(place) as pilot:
        await pilot.press("r")
        await until(lambda: isinstance(pilot.app.screen, Routes))
        await until(lambda: page(pilot).ways, 20)
        assert "Ways to svc/web" in screen(pilot.app)
        ways = page(pilot).ways.values()
        assert [w.up for w in ways if w.route.address == "svc/web:80"] == [True]
        assert [w.up for w in ways if w.route.address == "svc/web:9000"] == [False]


async def test_it_is_tried_again(place: Place) -> None:
    async with routes(place) as pilot:
        before = page(pilot)._asked.question
        await pilot.press("t")
        await until(lambda: page(pilot)._asked.question != before, 20)
        assert page(pilot).subject is not None


async def test_what_is_not_there_is_said(place: Place) -> None:
    async with routes(place, "shop/search") as pilot:
        await until(lambda: "there is no svc/search" in screen(pilot.app))
        assert page(pilot).ways == {}


async def test_it_can_be_left_while_it_is_tried(place: Place) -> None:
    async with running(place) as pilot:
        await pilot.press("r")
        await until(lambda: isinstance(pilot.app.screen, Routes))
        left = page(pilot)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, Overview)
        await until(lambda: left._asked.question is not None, 20)
        assert left.ways == {}


async def test_through_an_api_proxy_a_path_is_a_url(place: Place) -> None:
    request = EntryRequest(
        spec=ProxySpec(name="api", port=0), kubeconfig=(place.env["KUBECONFIG"],), context="sim"
    )
    place.client.put_entry("api", request)
    try:
        async with routes(place, "-/api") as pilot:
            await until(lambda: "stands for a whole cluster" in screen(pilot.app))
            await pilot.press("escape")
            overview = pilot.app.screen
            assert isinstance(overview, Overview)
            overview.table.pick("shop/web")
            await pilot.press("r")
            await until(lambda: isinstance(pilot.app.screen, Routes) and page(pilot).ways, 20)
            ways = [w for w in page(pilot).ways.values() if w.route.kind == "api-proxy"]
            assert [w.up for w in ways] == [True]
            assert str(ways[0].url).startswith("http://localhost:")
    finally:
        place.client.delete_entry("-/api")
