"""The overview against a real daemon."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events

from kfwd.tui.app import KfwdApp
from kfwd.tui.link import Standing
from kfwd.tui.screens.overview import Overview
from tests.tui.conftest import Place, running
from tests.tui.screen_text import screen, shows
from tests.until import until


def overview(app: object) -> Overview:
    assert isinstance(app, KfwdApp)
    assert isinstance(app.screen, Overview)
    return app.screen


def state(app: object, entry: str) -> str:
    return str(overview(app).picture.entries[entry].state)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_whole_screen(place: Place, size: tuple[int, int]) -> None:
    async with running(place, size) as pilot:
        await shows(pilot.app, f"overview-{size[0]}x{size[1]}")


async def test_the_cursor_begins_on_an_entry_and_moves(place: Place) -> None:
    async with running(place) as pilot:
        page = overview(pilot.app)
        assert page.table.key == "shop/echo"
        await pilot.press("home")
        assert page.table.key == "profile:shop"
        await pilot.press("j", "down")
        assert page.table.key == "shop/search"
        await pilot.press("end")
        assert page.table.key == "shop/web"


async def test_the_filter_works_as_it_is_typed(place: Place) -> None:
    async with running(place) as pilot:
        await pilot.press("slash", *"svc/w")
        assert "echo" not in screen(pilot.app)
        assert "svc/web" in screen(pilot.app)
        await pilot.press("enter", "space")
        await until(lambda: state(pilot.app, "shop/web") == "paused")
        await pilot.press("space")
        await until(lambda: state(pilot.app, "shop/web") == "ready", 10)
        await pilot.press("escape")
        assert "echo" in screen(pilot.app)


async def test_where_nothing_is_left_it_is_said_and_how_to_see_all(place: Place) -> None:
    async with running(place) as pilot:
        await pilot.press("slash", *"zz")
        assert "no entry with zz - esc shows all" in screen(pilot.app)
        assert "enter to the list  esc show all" in screen(pilot.app)
        await pilot.press("P")
        assert "no entry with zzP" in screen(pilot.app)
        await pilot.press("enter", "P")
        assert "no entry with zzP has a problem - esc shows all" in screen(pilot.app)
        await pilot.press("escape")
        await until(lambda: "svc/web" in screen(pilot.app))


async def test_what_is_typed_ahead_is_the_filters(place: Place) -> None:
    """As a terminal sends what is pasted: all keys at once."""
    async with running(place) as pilot:
        keys = {"/": "slash"}
        for letter in "/svc/w":
            pilot.app.post_message(events.Key(keys.get(letter, letter), letter))
        await until(lambda: overview(pilot.app).wish.find == "svc/w")
        await until(lambda: "echo" not in screen(pilot.app))


async def test_only_problems(place: Place) -> None:
    async with running(place) as pilot:
        await pilot.press("P")
        assert "only problems" in screen(pilot.app)
        assert "svc/web" not in screen(pilot.app)
        assert "svc/search" in screen(pilot.app)


async def test_a_profile_is_folded_with_enter_and_with_a_second_click(place: Place) -> None:
    async with running(place) as pilot:
        await pilot.press("home", "enter")
        assert "svc/web" not in screen(pilot.app)
        assert "▸ shop" in screen(pilot.app)
        await pilot.click("#entries", offset=(5, 0))
        await until(lambda: "▾ shop" in screen(pilot.app))


async def test_sorting_says_what_it_sorts_by(place: Place) -> None:
    async with running(place) as pilot:
        await pilot.press("S")
        assert "sorted: worst first" in screen(pilot.app)
        text = screen(pilot.app)
        assert text.index("svc/search") < text.index("svc/web")


async def test_a_resize_loses_nothing(place: Place) -> None:
    async with running(place, (120, 40)) as pilot:
        overview(pilot.app).table.pick("shop/web")
        await pilot.resize_terminal(80, 24)
        await pilot.resize_terminal(120, 40)
        await pilot.pause()
        assert overview(pilot.app).table.key == "shop/web"
        await shows(pilot.app, "overview-120x40")


async def test_without_a_daemon_s_starts_one_and_says_what_to_do_next(
    nobody: Place, tmp_path: Path
) -> None:
    app = KfwdApp(nobody.env)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(lambda: app.link.standing is Standing.STOPPED)
        await until(lambda: "s starts it" in screen(app))
        await pilot.press("s")
        try:
            await until(lambda: app.link.standing is Standing.LIVE, 20)
            await until(lambda: "contexts: sim, sim-narrow, sim-token" in screen(app))
            assert "b               picks something to forward" in screen(app)
            assert "kfwd demo" in screen(app)
        finally:
            nobody.client.stop()
        await until(lambda: "daemon restarting - reconnecting" in screen(app), 10)
