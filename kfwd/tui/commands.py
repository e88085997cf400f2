"""The command palette: every action that works here, every place, every theme."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.app import SystemCommand
from textual.screen import Screen

from kfwd.tui import places
from kfwd.tui.actions import actions
from kfwd.tui.page import Page
from kfwd.tui.places import Place
from kfwd.tui.settings import THEMES

if TYPE_CHECKING:
    from kfwd.tui.app import KfwdApp

ABOUT_ALL = ("doctor",)
"""Places that are about an entry, or about everything without one."""


def commands(app: KfwdApp, screen: Screen[Any]) -> Iterator[SystemCommand]:
    """What the palette offers over `screen`."""
    bound = set()
    for action in actions(screen):
        bound.add(action.name)
        if action.works and not action.moves and action.name != "command_palette":
            run = partial(app.run_action, action.name, action.node)
            yield SystemCommand(_title(action.said), action.keys, run)
    if isinstance(screen, Page):
        for place in places.PLACES:
            if f"go('{place.name}')" not in bound and _elsewhere(place, screen):
                go = partial(app.push_screen, place.open(None))
                yield SystemCommand(_title(place.description), "go there", go)
        if len(app.screen_stack) > 1:
            yield SystemCommand("Overview", "go there", app.action_home)
    for theme in THEMES:
        said = "kept for the next time"
        yield SystemCommand(f"Theme: {theme}", said, partial(app.use_theme, theme))


def _elsewhere(place: Place, screen: Page) -> bool:
    here = f"{type(screen).__module__}:{type(screen).__name__}"
    return place.page != here and (not place.of_entry or place.name in ABOUT_ALL)


def _title(said: str) -> str:
    return said[:1].upper() + said[1:]
