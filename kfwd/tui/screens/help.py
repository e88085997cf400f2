"""What the keys of a screen do, from the bindings themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from kfwd.tui.page import Page


class Help(ModalScreen[None]):
    """Over the screen it is about; any of the usual keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss", "close", id="close-help"),
    ]

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._text = page.help_text
        self._keys = keys(page)

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            if self._text:
                yield Static(self._text + "\n", markup=False)
            yield Static("\n".join(self._lines()), markup=False)

    def _lines(self) -> Iterable[str]:
        wide = max((len(key) for key, _ in self._keys), default=0)
        return (f"{key:>{wide}}  {said}" for key, said in self._keys)


def keys(page: Page) -> list[tuple[str, str]]:
    """Each action's keys and what it does, in the order in which they were bound."""
    found: dict[str, tuple[list[str], str]] = {}
    for active in page.active_bindings.values():
        binding = active.binding
        if not binding.id:
            continue
        said = binding.tooltip or binding.description
        names, _ = found.setdefault(f"{binding.action} {said}", ([], said))
        names.append(page.app.get_key_display(binding))
    return [(", ".join(names), said) for names, said in found.values()]
