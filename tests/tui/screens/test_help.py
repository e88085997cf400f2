"""Help, made of the bindings."""

from __future__ import annotations

from kfwd.tui.screens.help import Help
from tests.tui.conftest import Place, running
from tests.tui.screen_text import shows
from tests.until import until


async def test_help_shows_the_keys_of_the_screen_below(place: Place) -> None:
    async with running(place) as pilot:
        await pilot.press("question_mark")
        await until(lambda: isinstance(pilot.app.screen, Help))
        await pilot.pause()
        await shows(pilot.app, "help-overview-80x24")
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, Help)
