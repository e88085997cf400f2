"""The screens that can be reached from the overview."""

from __future__ import annotations

import pytest

from kfwd.tui.page import Page
from kfwd.tui.places import PLACES, Place


class About(Page):
    def __init__(self, entry: str | None) -> None:
        super().__init__()
        self.entry = entry


def place(**more: bool) -> Place:
    page = f"{__name__}:{'About' if more else 'Page'}"
    return Place(key="d", name="detail", description="details", page=page, **more)


def test_a_place_is_a_key_with_a_name() -> None:
    binding = place().binding
    assert (binding.key, binding.action, binding.id) == ("d", "go('detail')", "detail")


def test_a_screen_about_an_entry_gets_its_id() -> None:
    page = place(of_entry=True).open("dev/web")
    assert isinstance(page, About)
    assert page.entry == "dev/web"
    assert type(place().open("dev/web")) is Page


def test_names_and_keys_are_each_used_once() -> None:
    for field in ("key", "name"):
        values = [getattr(place, field) for place in PLACES]
        assert len(set(values)) == len(values)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_every_place_can_be_loaded(place: Place) -> None:
    assert isinstance(place.open("dev/web"), Page)
