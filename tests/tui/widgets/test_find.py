"""The filter: what is typed is told at once."""

from __future__ import annotations

from textual.app import App, ComposeResult

from kfwd.tui.widgets.find import Find


class One(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.left = 0

    def compose(self) -> ComposeResult:
        yield Find("name")

    def on_find_asked(self, message: Find.Asked) -> None:
        self.asked.append(message.text)

    def on_find_left(self) -> None:
        self.left += 1


async def test_it_is_there_only_while_it_is_used() -> None:
    app = One()
    async with app.run_test() as pilot:
        find = app.query_one(Find)
        assert not find.display
        find.open()
        await pilot.press("a", "b", "enter")
        assert (app.asked, app.left, find.display) == (["a", "ab"], 1, True)
        find.close()
        await pilot.pause()
        assert (app.asked[-1], find.display) == ("", False)


async def test_an_arrow_leaves_it_and_one_without_text_goes_away() -> None:
    app = One()
    async with app.run_test() as pilot:
        find = app.query_one(Find)
        find.open()
        await pilot.press("down")
        assert (app.left, find.display) == (1, False)


async def test_escape_forgets_the_text_and_leaves_it() -> None:
    app = One()
    async with app.run_test() as pilot:
        find = app.query_one(Find)
        find.open()
        await pilot.press("a", "escape")
        assert (app.asked, app.left, find.display) == (["a", ""], 1, False)
