"""Tones become styles."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult

from kfwd.tui.pieces import TONES, Piece
from kfwd.tui.widgets.toned import Toned


class One(App[None]):
    CSS_PATH = "../../../kfwd/tui/kfwd.tcss"

    def compose(self) -> ComposeResult:
        yield Toned(id="status")


async def test_a_strip_is_exactly_as_wide_as_asked() -> None:
    async with One().run_test() as pilot:
        toned = pilot.app.query_one(Toned)
        assert toned.strip((Piece("日本語"),), 5).cell_length == 5
        assert toned.strip((), 7).text == " " * 7


async def test_what_steers_a_terminal_is_not_drawn() -> None:
    """Every line of every screen is drawn here."""
    async with One().run_test() as pilot:
        toned = pilot.app.query_one(Toned)
        drawn = toned.strip((Piece("a\x1b[2J\x9b31m\r\u202eb\u2028"), Piece("北é")), 20).text
        assert drawn == "a [2J 31m  b 北é    "


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark"])
async def test_states_can_be_told_apart_and_dim_is_readable(theme: str) -> None:
    app = One()
    async with app.run_test() as pilot:
        app.theme = theme
        await pilot.pause()
        toned = app.query_one(Toned)
        styles = {tone: toned.strip((Piece("x", tone),), 1)._segments[0].style for tone in TONES}
        assert len({str(styles[tone]) for tone in ("good", "warn", "bad", "dim", "plain")}) == 5
        cursor = toned.strip((Piece("x"),), 1, cursor=True)._segments[0].style
        assert cursor != styles["plain"]


async def test_what_is_stale_is_dim() -> None:
    async with One().run_test() as pilot:
        toned = pilot.app.query_one(Toned)
        toned.set_stale(True)
        style = toned.strip((Piece("x", "good"),), 1)._segments[0].style
        assert style is not None
        assert style.dim
