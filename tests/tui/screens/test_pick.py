"""One of a list, filtered as one types."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from kfwd.errors import KfwdError
from kfwd.tui.pieces import Piece
from kfwd.tui.screens.pick import Choices, Pick
from kfwd.tui.widgets.line_table import Item
from tests.tui.conftest import Place, running
from tests.tui.screen_text import screen
from tests.until import until


def items(names: list[str], find: str) -> Iterator[Item]:
    for name in names:
        if find in name:
            yield Item(name, lambda cells, name=name: (Piece(name),))  # type: ignore[misc]


async def test_it_begins_at_the_first_and_ends_with_the_key(place: Place) -> None:
    picked: list[str | None] = []
    choices = Choices("Fruit", lambda: ["apple", "pear", "plum"], items, lambda names: names[1])
    async with running(place) as pilot:
        pilot.app.push_screen(Pick(choices), picked.append)
        await until(lambda: "plum" in screen(pilot.app))
        await pilot.press("enter")
        pilot.app.push_screen(Pick(choices), picked.append)
        await until(lambda: "plum" in screen(pilot.app))
        await pilot.press(*"pl", "down", "enter")
        pilot.app.push_screen(Pick(choices), picked.append)
        await pilot.press(*"nothing", "enter")
        assert "nothing has that in its name" in screen(pilot.app)
        await pilot.press("escape")
    assert picked == ["pear", "plum", None]


async def test_one_may_leave_while_it_is_read(place: Place) -> None:
    gate, picked = threading.Event(), list[str | None]()

    def ask() -> list[str]:
        gate.wait(5)
        return ["late"]

    async with running(place) as pilot:
        pilot.app.push_screen(Pick(Choices("Fruit", ask, items, lambda names: None)), picked.append)
        await until(lambda: "reading …" in screen(pilot.app))
        await pilot.press("escape")
        assert picked == [None]
        gate.set()


def refuse() -> list[str]:
    raise KfwdError("there is none", hint="plant one")


async def test_a_failure_is_shown(place: Place) -> None:
    async with running(place) as pilot:
        await pilot.app.push_screen(Pick(Choices("Fruit", refuse, items, lambda names: None)))
        await until(lambda: "there is none" in screen(pilot.app))
        assert "plant one" in screen(pilot.app)
