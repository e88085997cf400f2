"""The list of lines: cursor, scrolling, and what is drawn."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import App, ComposeResult

from kfwd.tui.pieces import Piece
from kfwd.tui.widgets.line_table import Item, LineTable, remark
from tests.tui.screen_text import screen


class One(App[None]):
    CSS_PATH = "../../../kfwd/tui/kfwd.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.chosen: list[str] = []

    def compose(self) -> ComposeResult:
        yield LineTable(id="entries")

    def on_line_table_chosen(self, message: LineTable.Chosen) -> None:
        self.chosen.append(message.key)


class Counted:
    """Counts how often its lines are drawn."""

    def __init__(self) -> None:
        self.drawn: dict[str, int] = {}

    def items(self, names: Sequence[str]) -> list[Item]:
        return [Item(name, lambda cells, name=name: self._draw(name)) for name in names]  # type: ignore[misc]

    def _draw(self, name: str) -> tuple[Piece, ...]:
        self.drawn[name] = self.drawn.get(name, 0) + 1
        return (Piece(name),)


def names(count: int, first: int = 0) -> list[str]:
    return [f"row-{number:03}" for number in range(first, first + count)]


async def test_only_lines_that_are_seen_are_drawn() -> None:
    async with One().run_test(size=(30, 10)) as pilot:
        table, counted = pilot.app.query_one(LineTable), Counted()
        table.show(counted.items(names(500)))
        await pilot.pause()
        assert set(counted.drawn) == set(names(10))


async def test_the_cursor_stays_on_its_key_and_its_place() -> None:
    async with One().run_test(size=(30, 10)) as pilot:
        table, counted = pilot.app.query_one(LineTable), Counted()
        table.focus()
        table.show(counted.items(names(100)))
        table.pick("row-050")
        await pilot.pause()
        line = screen(pilot.app).splitlines().index("row-050")
        table.show(counted.items(["new-1", "new-2", *names(100)]))
        await pilot.pause()
        assert table.key == "row-050"
        assert screen(pilot.app).splitlines().index("row-050") == line


async def test_the_first_lines_are_shown_from_the_top() -> None:
    async with One().run_test(size=(30, 10)) as pilot:
        table, counted = pilot.app.query_one(LineTable), Counted()
        table.show([remark("nothing yet")])
        await pilot.pause()
        table.show(counted.items(names(500)), first="row-001")
        await pilot.pause()
        assert (table.key, table.scroll_offset.y) == ("row-001", 0)


async def test_when_its_key_goes_the_cursor_is_near() -> None:
    async with One().run_test(size=(30, 10)) as pilot:
        table, counted = pilot.app.query_one(LineTable), Counted()
        table.show(counted.items(names(5)), first="row-002")
        assert table.key == "row-002"
        table.show(counted.items(["row-000", "row-001", "row-003"]))
        assert table.key == "row-003"
        table.show([])
        assert table.key is None
        await pilot.press("down", "end", "pagedown")


async def test_lines_that_are_not_pickable_are_passed_over_and_kept_in_sight() -> None:
    async with One().run_test(size=(30, 4)) as pilot:
        table = pilot.app.query_one(LineTable)
        items = []
        for name in names(6):
            items.append(Item(name, lambda cells, name=name: (Piece(name),)))  # type: ignore[misc]
            items.append(Item(name, lambda cells: (Piece("  why"),), pickable=False))
        table.show(items)
        table.focus()
        await pilot.press("down")
        assert table.key == "row-001"
        await pilot.press("end")
        await pilot.pause()
        assert screen(pilot.app).splitlines()[-2:] == ["row-005", "  why"]
        await pilot.press("home")
        assert table.key == "row-000"


async def test_a_click_puts_the_cursor_there_and_a_second_chooses() -> None:
    app = One()
    async with app.run_test(size=(30, 10)) as pilot:
        table = app.query_one(LineTable)
        table.show(Counted().items(names(5)))
        await pilot.click(LineTable, offset=(2, 3))
        assert (table.key, app.chosen) == ("row-003", [])
        await pilot.click(LineTable, offset=(2, 3))
        await pilot.click(LineTable, offset=(2, 8))
        await pilot.pause()
        assert app.chosen == ["row-003"]


async def test_lines_that_go_are_cleared() -> None:
    async with One().run_test(size=(30, 5)) as pilot:
        table, counted = pilot.app.query_one(LineTable), Counted()
        table.show(counted.items(names(4)))
        await pilot.pause()
        table.show(counted.items(names(1)))
        await pilot.pause()
        assert screen(pilot.app).split() == ["row-000"]
