"""The footer."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType

from kfwd.tui.widgets.key_bar import KeyBar
from tests.tui.screen_text import screen


class One(App[None]):
    CSS_PATH = "../../../kfwd/tui/kfwd.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "press('a')", "alpha", id="a"),
        Binding("b", "press('b')", "beta", id="b"),
        Binding("c", "press('c')", "hidden", show=False, id="c"),
        Binding("question_mark", "help", "help", key_display="?", id="help"),
        Binding("q", "quit", "quit", id="quit"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.pressed: list[str] = []

    def compose(self) -> ComposeResult:
        yield KeyBar(id="keys")

    def action_press(self, key: str) -> None:
        self.pressed.append(key)

    def action_help(self) -> None:
        self.pressed.append("help")


async def test_the_keys_that_work_here() -> None:
    async with One().run_test(size=(60, 3)) as pilot:
        assert screen(pilot.app).splitlines()[2] == " a alpha  b beta  ? help  q quit"


async def test_help_and_quit_stay_when_there_is_little_room() -> None:
    async with One().run_test(size=(27, 3)) as pilot:
        assert screen(pilot.app).splitlines()[2] == " a alpha  ? help  q quit"


async def test_a_click_presses_the_key() -> None:
    app = One()
    async with app.run_test(size=(60, 3)) as pilot:
        await pilot.click("#keys", offset=(12, 0))
        await pilot.click("#keys", offset=(19, 0))
        await pilot.click("#keys", offset=(50, 0))
        await pilot.pause()
        assert app.pressed == ["b", "help"]
