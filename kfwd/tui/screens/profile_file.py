"""A profile's text: its file as it is, or what somebody wrote that has faults."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from kfwd.errors import KfwdError
from kfwd.profiles.draft import Draft
from kfwd.tui import editing, numbered
from kfwd.tui.editing import Outcome
from kfwd.tui.page import Page
from kfwd.tui.pieces import Piece, Pieces, cut
from kfwd.tui.widgets.line import Line, fixed
from kfwd.tui.widgets.line_table import Item, LineTable
from kfwd.yamldoc import Fault


class ProfileFile(Page):
    """Faults stand below their lines. A text that is left with faults is kept beside the state."""

    name_shown = "profile"
    help_text = "A profile's text, with what is wrong below its line."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "edit", "edit", tooltip="Edit in $EDITOR", id="profile-edit"),
        Binding("n", "next", "next fault", id="next-fault"),
    ]

    def __init__(self, draft: Draft, faults: tuple[Fault, ...]) -> None:
        super().__init__()
        self.draft = draft
        self.faults = faults

    def body(self) -> Iterable[Widget]:
        yield Line(self._heading, id="heading")
        yield LineTable(id="text")

    def on_mount(self) -> None:
        self.table.focus()
        self.call_after_refresh(self._first)

    def redraw(self) -> None:
        self.table.show(list(self._items()))
        self.query_one("#heading", Line).show()

    def _items(self) -> Iterator[Item]:
        for line in numbered.lines(self.draft.text, self.faults, self.table.size.width):
            yield Item(str(line.number), fixed(line.pieces), pickable=not line.said)

    def _first(self) -> None:
        if self.faults:
            self.redraw()
            self.table.pick(str(self.faults[0].line))

    def _heading(self, cells: int) -> Pieces:
        count = len(self.faults)
        said = f"{count} fault{'s' if count > 1 else ''}" if count else "no faults"
        if self.draft.unsaved:
            edit, back = self.kfwd.key("profile-edit", "e"), self.kfwd.key("back", "esc")
            said += f": not written - {edit} edits it again, {back} leaves it"
        name = self.draft.path.name if self.draft.unsaved else str(self.draft.path)
        return cut((Piece(f" {name}  ", "title"), Piece(said, "bad" if count else "dim")), cells)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "next":
            return len(self.faults) > 1
        return super().check_action(action, parameters)

    def action_next(self) -> None:
        here = int(self.table.key or 0)
        lines = sorted({fault.line for fault in self.faults})
        self.table.pick(str(next((line for line in lines if line > here), lines[0])))

    def action_edit(self) -> None:
        outcome = editing.edit(self.kfwd, self.draft)
        if outcome is Outcome.WRITTEN:
            self.app.pop_screen()
        elif outcome is Outcome.FAULTY:
            self.faults = self.draft.faults()
            self._first()

    def action_back(self) -> None:
        if self.draft.unsaved:
            try:
                self.kfwd.say(f"nothing was written; your text is in {self.draft.keep()}")
            except KfwdError as error:
                self.kfwd.calls.show(error)
                return
        super().action_back()
