"""What the keys of a screen do, from the bindings themselves: all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from kfwd.tui.actions import actions
from kfwd.tui.dialog import Dialog
from kfwd.tui.page import Page
from kfwd.tui.pieces import Piece, Pieces, fit
from kfwd.tui.widgets.lines import Lines


class Help(ModalScreen[None]):
    """Over the screen it is about; any of the usual keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss", "close", id="close-help"),
    ]

    def __init__(self, page: Page | Dialog[Any]) -> None:
        super().__init__()
        self._text = page.help_text
        self._actions = actions(page)

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            if self._text:
                yield Static(self._text + "\n", markup=False)
            yield Lines(id="help-keys")

    def on_mount(self) -> None:
        self.query_one("#help-keys", Lines).show(list(self._lines()))

    def _lines(self) -> Iterator[Pieces]:
        """What does not work at the moment is dim."""
        wide = max((cell_len(action.keys) for action in self._actions), default=0)
        for action in self._actions:
            said = f"  {action.said[:1].lower()}{action.said[1:]}"
            key = Piece(fit(action.keys, wide, right=True), "accent")
            yield (key, Piece(said, "plain" if action.works else "dim"))
