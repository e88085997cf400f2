"""Picking what an address is copied as."""

from __future__ import annotations

import pytest

from kfwd.tui.screens.copy_as import CopyAs
from tests.tui.conftest import Place, running
from tests.tui.screen_text import screen, shows
from tests.tui.screens.test_overview import overview
from tests.until import until


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_whole_screen(place: Place, size: tuple[int, int]) -> None:
    async with running(place, size) as pilot:
        overview(pilot.app).table.pick("shop/web")
        await pilot.press("Y")
        await pilot.pause()
        await shows(pilot.app, f"copy-as-{size[0]}x{size[1]}")


async def test_what_is_picked_is_copied(place: Place) -> None:
    async with running(place) as pilot:
        page = overview(pilot.app)
        page.table.pick("shop/web")
        await pilot.press("Y", "down", "enter")
        await until(lambda: pilot.app.clipboard.startswith("curl http://localhost:"))
        assert pilot.app.screen is page
        await pilot.press("Y", "end", "y")
        await until(lambda: pilot.app.clipboard.startswith("kubectl --context sim -n "))
        assert " port-forward svc/web " in pilot.app.clipboard


async def test_it_can_be_left_and_a_click_picks(place: Place) -> None:
    async with running(place) as pilot:
        overview(pilot.app).table.pick("shop/web")
        await pilot.press("Y", "escape")
        assert not pilot.app.clipboard
        await pilot.press("Y")
        assert isinstance(pilot.app.screen, CopyAs)
        await pilot.pause()
        await pilot.click("#copies", offset=(3, 0))
        await until(lambda: pilot.app.clipboard.startswith("localhost:"))
        assert "copied localhost:" in screen(pilot.app)
