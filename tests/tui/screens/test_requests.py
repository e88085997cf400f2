"""The requests of a proxy, against a real daemon."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from kfwd.api_model import EntryRequest
from kfwd.model import ProxySpec, State
from kfwd.tui.screens.overview import Overview
from kfwd.tui.screens.requests import Requests
from tests.tui.conftest import Place, at_entry, running
from tests.tui.screen_text import screen, shows
from tests.tui.screens.test_detail import detail, entry, port
from tests.until import until


@asynccontextmanager
async def proxied(place: Place, name: str = "api", *, keeps: bool = True) -> AsyncIterator[str]:
    """A proxy to the API server that has been asked for two things."""
    spec = ProxySpec(name=name, port=0, requests=keeps)
    request = EntryRequest(spec=spec, kubeconfig=(place.env["KUBECONFIG"],))
    id = place.client.put_entry(name, request).id
    try:
        await until(lambda: entry(place, id).state is State.READY, 15)
        ask(place, id, "/version?token=secret")
        ask(place, id, "/nope")
        yield id
    finally:
        place.client.delete_entry(id)


def ask(place: Place, id: str, path: str) -> None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port(place, id)}{path}") as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        error.read()


@asynccontextmanager
async def requests(
    place: Place, id: str, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Pilot[None], Requests]]:
    async with at_entry(place, id, size) as pilot:
        await pilot.press("h")
        page = pilot.app.screen
        assert isinstance(page, Requests)
        await until(lambda: page.found or page.trouble)
        page.renew()
        await pilot.pause()
        yield pilot, page


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_whole_screen(place: Place, size: tuple[int, int]) -> None:
    async with (
        proxied(place) as id,
        requests(place, id, size) as (pilot, _),
    ):
        await shows(pilot.app, f"requests-{size[0]}x{size[1]}")
        assert "secret" not in screen(pilot.app)


async def test_what_comes_is_followed_until_the_cursor_leaves_it(place: Place) -> None:
    async with proxied(place) as id, requests(place, id) as (pilot, page):
        ask(place, id, "/healthz")
        await until(lambda: page.request is not None and page.request.path == "/healthz")
        await pilot.press("down")
        assert page.request is not None
        assert page.request.path == "/nope"
        ask(place, id, "/livez")
        await until(lambda: "/livez" in screen(pilot.app))
        assert page.request.path == "/nope"


async def test_filter_copy_and_the_way_back(place: Place) -> None:
    async with proxied(place) as id, requests(place, id) as (pilot, _):
        await pilot.press("slash", *"2xx")
        await until(lambda: "/nope" not in screen(pilot.app))
        assert "1 of 2" in screen(pilot.app)
        await pilot.press("enter", "y")
        address = f"http://localhost:{port(place, id)}"
        assert pilot.app.clipboard == f"curl --path-as-is {address}/version"
        await pilot.press("escape")
        await until(lambda: "/nope" in screen(pilot.app))
        assert isinstance(pilot.app.screen, Requests)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, Overview)


async def test_an_entry_that_keeps_none_says_how_it_would(place: Place) -> None:
    async with proxied(place, "quiet", keeps=False) as id, requests(place, id) as (pilot, page):
        assert "quiet keeps no requests" in screen(pilot.app)
        assert "kfwd proxy --requests" in screen(pilot.app)
        assert not page.check_action("copy", ())


async def test_a_forward_has_no_requests_and_details_show_the_last(place: Place) -> None:
    async with running(place) as pilot:
        page = pilot.app.screen
        assert isinstance(page, Overview)
        page.table.pick("shop/web")
        assert not page.check_action("go", ("requests",))
    async with proxied(place) as id, detail(place, id, keeps=True) as (pilot, _):
        await until(lambda: "/version" in screen(pilot.app))
        await pilot.press("h")
        assert isinstance(pilot.app.screen, Requests)
