"""The actions of a screen, from its bindings."""

from __future__ import annotations

from kfwd.tui.actions import actions
from tests.tui.conftest import Place, running


async def test_all_are_there_those_that_work_now_marked(place: Place) -> None:
    async with running(place) as pilot:
        found = {action.said: action for action in actions(pilot.app.screen)}
        assert (found["details"].keys, found["details"].works) == ("enter", True)
        assert (found["fold"].keys, found["fold"].works) == ("enter", False)
        assert not found["undo"].works
        assert found["Up"].keys == "↑, k"
        said = list(found)
        assert said.index("browse") < said.index("quit") < said.index("Up")
        assert next(each.said for each in found.values() if each.moves) == "Up"
        await pilot.press("home")
        assert {a.said: a.works for a in actions(pilot.app.screen)}["fold"]
