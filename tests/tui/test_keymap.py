"""Chosen keys: unknown and clashing ones are left out and said; every fixed text follows them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.keys import format_key

from kfwd.tui.app import KfwdApp
from kfwd.tui.keymap import checked, is_key, scopes
from tests.tui.conftest import Place, running
from tests.tui.screen_text import screen
from tests.until import until

TUI = Path(__file__).parents[2] / "kfwd" / "tui"
SCOPES = [
    {"fold": ("enter",), "detail": ("enter",), "pause": ("space",), "remove": ("x",)},
    {"up": ("up", "k"), "quit": ("q",)},
]


def test_what_shares_a_key_keeps_it() -> None:
    assert checked({"detail": "D"}, SCOPES) == ({"fold": "enter", "detail": "D"}, [])
    assert checked({"up": "i,k"}, SCOPES) == ({"up": "i,k"}, [])


def test_keys_may_be_swapped() -> None:
    swapped = {"pause": "x", "remove": "space"}
    assert checked(swapped, SCOPES) == (swapped, [])


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"pause": "x"}, 'keys: "x" is taken by remove: pause stays as it is'),
        ({"remov": "z"}, 'keys: there is no action "remov" (did you mean "remove"?)'),
        ({"quit": "enterr"}, 'keys: "enterr" is no key: quit stays as it is'),
        ({"quit": ""}, 'keys: "" is no key: quit stays as it is'),
    ],
)
def test_what_cannot_be_is_said_and_left_out(chosen: dict[str, str], said: str) -> None:
    assert checked(chosen, SCOPES) == ({}, [said])


def test_one_that_gets_its_key_back_clashes_with_who_has_it_now() -> None:
    kept, faults = checked({"pause": "x", "remove": "enter"}, SCOPES)
    assert kept == {}
    assert len(faults) == 2


def test_names_of_keys() -> None:
    good = ("x", "X", "?", "ä", "f5", "space", "ctrl+x", "question_mark", "escape", "shift+tab")
    assert [key for key in good if not is_key(key)] == []
    assert [key for key in ("", "enterr", "ctrl+", "banana") if is_key(key)] == []


def test_no_two_actions_of_a_screen_have_a_key_but_those_that_take_turns() -> None:
    turns = {("detail", "fold"), ("back", "show-all")}
    for scope in scopes(KfwdApp):
        for id, keys in scope.items():
            others = {other for other, theirs in scope.items() if set(keys) & set(theirs)}
            pairs = {(min(id, other), max(id, other)) for other in others - {id}}
            assert pairs <= turns


def test_texts_name_the_usual_key_of_the_action() -> None:
    usual = {id: keys for scope in scopes(KfwdApp) for id, keys in scope.items()}
    named = [
        pair
        for path in TUI.rglob("*.py")
        for pair in re.findall(r"""\bkey\(["']([\w-]+)["'], ["'](\w+)["']\)""", path.read_text())
    ]
    assert len(named) > 8
    short = {"escape": "esc", "enter": "enter"}
    for id, key in named:
        assert key in {short.get(each, format_key(each)) for each in usual[id]}, id


async def test_footer_help_and_sentences_have_the_chosen_keys(place: Place, tmp_path: Path) -> None:
    (tmp_path / "tui.yaml").write_text("keys: {quit: Z, detail: D, undo: z, browse: x}\n")
    chosen = Place({**place.env, "KFWD_CONFIG_DIR": str(tmp_path)})
    async with running(chosen, (200, 40)) as pilot:
        app = pilot.app
        assert isinstance(app, KfwdApp)
        await until(lambda: 'keys: "x" is taken by remove' in screen(app))
        assert "D details" in screen(app)
        assert "Z quit" in screen(app)
        app.offer_undo("removed web", lambda: None)
        await until(lambda: "removed web - z brings it back" in screen(app))
        await pilot.press("D")
        await until(lambda: "last hour" in screen(app), 10)
        await pilot.press("escape", "home", "enter")
        await until(lambda: "▸ shop" in screen(app))
        await pilot.press("Z")
        await until(lambda: not app.is_running)


def test_every_action_is_in_the_page_and_nothing_else() -> None:
    page = (TUI.parents[1] / "docs" / "tui.md").read_text()
    table = page.partition("| where | actions |")[2].partition("\n\n")[0]
    known = {id for scope in scopes(KfwdApp) for id in scope}
    assert set(re.findall(r"`([\w-]+)`", table)) == known
