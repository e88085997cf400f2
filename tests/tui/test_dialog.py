"""What every dialog has."""

from __future__ import annotations

from typing import Any

from textual.widgets import Input

from kfwd.client.copies import Copy
from kfwd.tui.dialog import Dialog
from kfwd.tui.screens.copy_as import CopyAs
from kfwd.tui.screens.forward import Forward
from kfwd.tui.screens.help import Help
from kfwd.tui.screens.pick import Choices, Pick
from tests.tui.conftest import Place, running
from tests.tui.screen_text import screen
from tests.tui.screens.test_browse import browsing
from tests.until import until


def dialogs() -> list[Dialog[Any]]:
    fruit: Choices[list[str]] = Choices("Fruit", list, lambda *_: (), lambda _: None)
    return [Pick(fruit), CopyAs("web", (Copy("address", "localhost:8080"),))]


async def test_every_dialog_has_help_that_leads_back_to_it(place: Place) -> None:
    async with running(place) as pilot:
        for dialog in dialogs():
            await pilot.app.push_screen(dialog)
            assert "? help" in screen(pilot.app)
            await pilot.press("question_mark")
            assert isinstance(pilot.app.screen, Help)
            assert " ".join(dialog.help_text.split()[:4]) in screen(pilot.app)
            await pilot.press("escape")
            assert pilot.app.screen is dialog
            await pilot.press("escape")


async def test_the_key_of_help_is_not_typed_into_a_field(place: Place) -> None:
    async with browsing(place) as pilot:
        await pilot.press("enter")
        await until(lambda: isinstance(pilot.app.screen, Forward))
        ports = pilot.app.screen.query_one("#ports-0", Input)
        before = ports.value
        await pilot.press("question_mark", "escape")
        assert (ports.value, pilot.app.focused) == (before, ports)
