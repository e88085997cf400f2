"""One entry in detail, against a real daemon."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from kfwd.api_model import EntryRequest
from kfwd.model import EntryView, ForwardSpec, PortSpec, State
from kfwd.tui.screens.detail import Detail
from kfwd.tui.screens.overview import Overview
from tests.tui.conftest import Place, at_entry
from tests.tui.screen_text import screen, shows
from tests.until import until


def entry(place: Place, id: str) -> EntryView:
    return next(entry for entry in place.client.snapshot().entries if entry.id == id)


def port(place: Place, id: str) -> int:
    return int(entry(place, id).ports[0].listen[0].rpartition(":")[2])


@asynccontextmanager
async def refused(place: Place, name: str) -> AsyncIterator[str]:
    """A forward to a port on which nothing listens; one connection has found that out."""
    spec = ForwardSpec(name=name, target="deploy/web", ports=(PortSpec(local=0, remote="5432"),))
    request = EntryRequest(spec=spec, kubeconfig=(place.env["KUBECONFIG"],))
    id = place.client.put_entry(name, request).id
    await until(lambda: entry(place, id).state is State.READY, 15)
    with socket.create_connection(("127.0.0.1", port(place, id))) as app:
        app.sendall(b"hello")
        await until(lambda: entry(place, id).state is State.DEGRADED, 15)
    yield id
    place.client.delete_entry(id)


@pytest.fixture
async def db(place: Place) -> AsyncIterator[str]:
    async with refused(place, "db") as id:
        yield id


@asynccontextmanager
async def detail(
    place: Place, id: str, size: tuple[int, int] = (80, 24), *, keeps: bool = False
) -> AsyncIterator[tuple[Pilot[None], Detail]]:
    """The screen, gone to with enter, when all that it asks for has come."""
    async with at_entry(place, id, size) as pilot:
        await pilot.press("enter")
        page = pilot.app.screen
        assert isinstance(page, Detail)
        await until(lambda: page.facts and page.history and page.log_lines)
        await until(lambda: bool(page.requests) if keeps else page.requests is None)
        page.redraw()
        await pilot.pause()
        yield pilot, page


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_whole_screen(place: Place, size: tuple[int, int]) -> None:
    async with (
        refused(place, f"db-{size[0]}") as id,
        detail(place, id, size) as (pilot, _),
    ):
        await shows(pilot.app, f"detail-{size[0]}x{size[1]}")


async def test_open_connections_have_their_process_and_what_it_moved(place: Place) -> None:
    async with detail(place, "shop/echo", (120, 40)) as (pilot, page):
        with socket.create_connection(("127.0.0.1", port(place, "shop/echo"))) as app:
            app.sendall(b"x" * 2000)
            await until(lambda: page.connections and page.connections[0].bytes.received, 10)
            await until(lambda: "2.0 kB" in screen(pilot.app))
            if sys.platform == "linux":
                await until(lambda: f"({os.getpid()})" in screen(pilot.app), 10)
        await until(lambda: "none now" in screen(pilot.app), 10)


async def test_everything_can_be_scrolled_to_and_a_resize_loses_nothing(
    place: Place, db: str
) -> None:
    async with detail(place, db) as (pilot, page):
        assert "check the container's port" in screen(pilot.app)
        await pilot.press("end")
        last = page.table.key
        assert "check the container's port" not in screen(pilot.app)
        assert "log" in screen(pilot.app)
        await pilot.resize_terminal(200, 60)
        await pilot.pause()
        assert page.table.key == last
        await pilot.resize_terminal(80, 24)
        await pilot.press("home")
        await until(lambda: "check the container's port" in screen(pilot.app))


async def test_y_copies_what_the_line_offers(place: Place, db: str) -> None:
    async with detail(place, db) as (pilot, page):
        number = port(place, db)
        await pilot.press("y")
        assert pilot.app.clipboard == f"localhost:{number}"
        page.table.pick("client")
        await pilot.press("y")
        assert pilot.app.clipboard == f"psql -h localhost -p {number}"
        page.table.pick("hour")
        await pilot.press("y")
        assert pilot.app.clipboard == f"localhost:{number}"


async def test_what_happens_is_seen_while_it_does(place: Place, db: str) -> None:
    async with detail(place, db) as (pilot, page):
        await pilot.press("space")
        await until(lambda: "‖ paused" in screen(pilot.app))
        await until(lambda: "paused" in [item.code for item in page.history], 10)
        await pilot.press("space")
        await until(lambda: "‖ paused" not in screen(pilot.app).splitlines()[0], 10)


async def test_an_entry_that_is_removed_says_so_and_comes_back(place: Place, db: str) -> None:
    async with detail(place, db) as (pilot, _):
        await pilot.press("x")
        await until(lambda: "removed" in screen(pilot.app).splitlines()[0])
        await until(lambda: "u brings it back" in screen(pilot.app))
        assert "psql" in screen(pilot.app), "what was known stays"
        await pilot.press("u")
        await until(lambda: "removed" not in screen(pilot.app).splitlines()[0])
        await pilot.press("escape")
        await until(lambda: isinstance(pilot.app.screen, Overview))
