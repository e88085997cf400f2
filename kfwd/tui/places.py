"""The screens that can be reached from the overview: a line each, loaded when it is gone to.

A screen that is about an entry is made with its id, any other with nothing.
"""

from __future__ import annotations

import importlib

from msgspec import Struct
from textual.binding import Binding

from kfwd.tui.page import Page


class Place(Struct, frozen=True, kw_only=True):
    """`name` is the id in the key map, `page` is `module:class`.

    With `kinds`, only entries of these have such a screen.
    """

    key: str
    name: str
    description: str
    page: str
    of_entry: bool = False
    kinds: tuple[str, ...] = ()

    @property
    def binding(self) -> Binding:
        action = f"go('{self.name}')"
        shown = self.key if self.key == "enter" else None
        return Binding(self.key, action, self.description, key_display=shown, id=self.name)

    def open(self, entry: str | None) -> Page:
        """The screen, made anew."""
        module, _, name = self.page.partition(":")
        page: type[Page] = getattr(importlib.import_module(module), name)
        return page(entry) if self.of_entry else page()


PLACES: tuple[Place, ...] = (
    Place(
        key="enter",
        name="detail",
        description="details",
        page="kfwd.tui.screens.detail:Detail",
        of_entry=True,
    ),
    Place(key="b", name="browse", description="browse", page="kfwd.tui.screens.browse:Browse"),
    Place(
        key="r",
        name="routes",
        description="routes",
        page="kfwd.tui.screens.routes:Routes",
        of_entry=True,
    ),
    Place(
        key="h",
        name="requests",
        description="requests",
        page="kfwd.tui.screens.requests:Requests",
        of_entry=True,
        kinds=("proxy", "gateway"),
    ),
    Place(
        key="d",
        name="doctor",
        description="doctor",
        page="kfwd.tui.screens.doctor:Doctor",
        of_entry=True,
    ),
    Place(
        key="p",
        name="profiles",
        description="profiles",
        page="kfwd.tui.screens.profiles:Profiles",
    ),
    Place(
        key="exclamation_mark",
        name="problems",
        description="problems",
        page="kfwd.tui.screens.problems:Problems",
    ),
)


def named(name: str) -> Place:
    return next(place for place in PLACES if place.name == name)
