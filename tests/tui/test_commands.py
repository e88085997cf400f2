"""The command palette."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.app import App
from textual.command import Command, CommandList, CommandPalette
from textual.pilot import Pilot

from kfwd.tui.app import KfwdApp
from kfwd.tui.commands import commands
from kfwd.tui.places import PLACES
from tests.tui.conftest import Place, running
from tests.tui.screen_text import screen
from tests.until import until


def first(app: App[Any]) -> str:
    """The command that is highlighted."""
    found = app.screen.query_one(CommandList)
    option = found.highlighted_option
    return str(option.hit.text) if isinstance(option, Command) else ""


async def pick(pilot: Pilot[Any], typed: str) -> None:
    """Open the palette, find a command by its words, take it."""
    app = pilot.app
    await pilot.press("ctrl+p")
    await until(lambda: isinstance(app.screen, CommandPalette))
    await pilot.press(*typed)
    await until(lambda: typed in first(app).casefold())
    await pilot.press("enter")
    await until(lambda: not isinstance(app.screen, CommandPalette))


async def test_it_has_what_works_here_all_places_and_themes(place: Place) -> None:
    async with running(place) as pilot:
        app = pilot.app
        assert isinstance(app, KfwdApp)
        titles = {command.title for command in commands(app, app.screen)}
        places = {each.description.capitalize() for each in PLACES}
        assert places - {"Requests"} <= titles  # those are of proxies and gateways
        assert {"Pause or resume", "Quit", "Help", "Theme: light"} <= titles
        assert titles.isdisjoint({"Fold", "Undo", "Up", "Overview", "Requests"})
        await app.push_screen(next(p for p in PLACES if p.name == "profiles").open(None))
        await until(lambda: "plan of" in screen(app))
        titles = {command.title for command in commands(app, app.screen)}
        assert {"Browse", "Problems", "Doctor", "Overview", "Validate"} <= titles
        assert "Profiles" not in titles


async def test_a_command_is_done_as_its_key_does_it(place: Place) -> None:
    async with running(place) as pilot:
        app = pilot.app
        await pick(pilot, "doctor")
        await until(lambda: "kfwd  doctor" in screen(app))
        await pick(pilot, "profiles")
        await until(lambda: "kfwd  profiles" in screen(app))
        await pick(pilot, "overview")
        await until(lambda: len(app.screen_stack) == 1)


async def test_a_theme_is_kept_for_the_next_time(place: Place, tmp_path: Path) -> None:
    chosen = Place({**place.env, "KFWD_CONFIG_DIR": str(tmp_path)})
    async with running(chosen) as pilot:
        await pick(pilot, "theme: light")
        await until(lambda: pilot.app.theme == "textual-light")
    assert (tmp_path / "tui.yaml").read_text() == "theme: light\n"
    async with running(chosen) as pilot:
        assert pilot.app.theme == "textual-light"
