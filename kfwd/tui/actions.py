"""What can be done on a screen: its bindings, one an action. Help and palette are made of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from textual.app import App
from textual.dom import DOMNode
from textual.screen import Screen


class Action(NamedTuple):
    """`keys` as they are shown; `works` now; `name` is what the `node` is asked to do."""

    keys: str
    said: str
    works: bool
    name: str
    node: DOMNode

    @property
    def moves(self) -> bool:
        """Whether it is about a widget of the screen: the cursor of a list."""
        return not isinstance(self.node, Screen | App)


def actions(screen: Screen[Any]) -> list[Action]:
    """All of a screen, those of its widgets last, in the order in which they were bound."""
    active = screen.active_bindings
    found: dict[str, Action] = {}
    for node, key, binding in _bindings(screen):
        if not binding.id:
            continue
        shown = screen.app.get_key_display(binding)
        works = key in active and active[key].binding is binding
        said = binding.tooltip or binding.description
        known = found.get(f"{binding.action} {said}")
        if known is None:
            action = Action(shown, said, works, binding.action, node)
        else:
            action = known._replace(keys=f"{known.keys}, {shown}", works=known.works or works)
        found[f"{binding.action} {said}"] = action
    return sorted(found.values(), key=lambda action: action.moves)


def _bindings(screen: Screen[Any]) -> Iterator[tuple[DOMNode, str, Any]]:
    """Textual has no public way to ask for those that do not work at the moment."""
    for node, bindings in screen._modal_binding_chain:
        for key, binding in bindings:
            yield node, key, binding
