"""A filter that is read as it is typed; there only while it is used."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

FIND = Binding("slash", "find", "filter", key_display="/", id="filter", priority=True)
"""Acted on before the key after it is looked at: what is typed ahead, or pasted, is not lost."""


class Find(Input):
    """`Asked` carries the text so far; `Left` says that the typing is over."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "to the list", key_display="enter"),
        Binding("escape", "forget", "show all"),
        Binding("up,down", "leave", "to the list", show=False),
    ]

    class Asked(Message):
        """Show what has this in it."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The keys are the list's again."""

    def __init__(self, placeholder: str) -> None:
        super().__init__(placeholder=placeholder, id="find", compact=True)

    def on_mount(self) -> None:
        self.display = False

    def open(self) -> None:
        """Show it; the very next key is typed into it (`focus` would come after that)."""
        self.display = True
        self.screen.set_focus(self)

    def close(self) -> None:
        """Forget the text."""
        self.value = ""
        self.display = False

    def action_forget(self) -> None:
        self.close()
        self.post_message(self.Left())

    def action_leave(self) -> None:
        if not self.value:
            self.display = False
        self.post_message(self.Left())

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Asked(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_leave()
