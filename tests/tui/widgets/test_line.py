"""One line of pieces."""

from __future__ import annotations

from textual.app import App, ComposeResult

from kfwd.tui.pieces import Piece
from kfwd.tui.widgets.line import Line, fixed
from tests.tui.screen_text import screen


class One(App[None]):
    CSS_PATH = "../../../kfwd/tui/kfwd.tcss"

    def compose(self) -> ComposeResult:
        yield Line(lambda cells: (Piece("before"),), id="status")


async def test_it_shows_what_it_is_given_last() -> None:
    async with One().run_test(size=(20, 3)) as pilot:
        assert screen(pilot.app).splitlines()[0] == "before"
        line = pilot.app.query_one(Line)
        line.show(lambda cells: (Piece(f"{cells} cells", "good"),))
        await pilot.pause()
        assert screen(pilot.app).splitlines()[0] == "20 cells"


def test_what_is_fixed_is_the_same_at_any_width() -> None:
    assert fixed((Piece("same"),))(3) == fixed((Piece("same"),))(300) == (Piece("same"),)
