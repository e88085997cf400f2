"""Several lines: as high as they are many."""

from __future__ import annotations

from textual.app import App, ComposeResult

from kfwd.tui.pieces import Piece
from kfwd.tui.widgets.lines import Lines
from tests.tui.screen_text import screen


class One(App[None]):
    CSS_PATH = "../../../kfwd/tui/kfwd.tcss"

    def compose(self) -> ComposeResult:
        yield Lines()


async def test_it_is_as_high_as_its_lines_and_cuts_them() -> None:
    async with One().run_test(size=(10, 5)) as pilot:
        lines = pilot.app.query_one(Lines)
        lines.show([(Piece("one"),), (Piece("two is too long"),)])
        await pilot.pause()
        assert lines.size.height == 2
        assert screen(pilot.app).splitlines()[:2] == ["one", "two is to…"]
        lines.show([(Piece("three"),)])
        await pilot.pause()
        assert lines.size.height == 1
