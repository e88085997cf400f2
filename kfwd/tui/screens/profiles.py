"""Profiles: which there are, how they stand, and what bringing one up would do."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import partial
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from kfwd.api_model import Plan
from kfwd.errors import KfwdError
from kfwd.profiles.draft import Draft
from kfwd.profiles.folder import Files, Folder
from kfwd.tui import editing, plan_lines, profile_rows
from kfwd.tui.asked import Asked
from kfwd.tui.editing import Outcome
from kfwd.tui.page import Page
from kfwd.tui.pieces import Piece, Pieces, cut
from kfwd.tui.profile_rows import Row
from kfwd.tui.screens.profile_file import ProfileFile
from kfwd.tui.screens.switch import Switch
from kfwd.tui.widgets.line import Line, fixed
from kfwd.tui.widgets.line_table import Item, LineTable, remark

OF_UP = {"take_down", "switch"}
OF_FILE = {"bring_up", "edit", "file", "validate"}


class Profiles(Page):
    """The upper half lists profiles by name; the lower one has the plan of the one at the cursor,
    before anything happens.
    """

    name_shown = "profiles"
    help_text = "The files that say what should be up. Below: what bringing one up would do."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "bring_up",
            "up",
            key_display="enter",
            tooltip="Do what the plan says",
            id="profile-up",
        ),
        Binding("x", "take_down", "down", tooltip="Take down, with undo", id="profile-down"),
        Binding("c", "switch", "context", tooltip="Switch its context", id="profile-switch"),
        Binding("e", "edit", "edit", tooltip="Edit in $EDITOR", id="profile-edit"),
        Binding("n", "new", "new", tooltip="Make a new profile", id="profile-new", priority=True),
        Binding("f", "file", "file", tooltip="Show its file", id="profile-file"),
        Binding("v", "validate", "validate", id="profile-validate"),
        Binding("escape", "back", "back", id="back"),
    ]

    def __init__(self, first: str | None = None) -> None:
        """The cursor begins on the profile `first`."""
        super().__init__()
        self._first = first
        self.rows: dict[str, Row] = {}
        self._edits = 0

    def body(self) -> Iterable[Widget]:
        yield Line(profile_rows.heading, id="heading")
        yield LineTable(id="profiles")
        yield Line(self._planned, id="planned")
        yield LineTable(id="plan")
        yield Input(placeholder="name of the new profile", id="name", compact=True)

    def on_mount(self) -> None:
        self.query_one("#name", Input).display = False
        self._folder = Folder(self.kfwd.paths.profiles)
        self._files = Asked[Files](self.kfwd.calls, self._came)
        self._plan = Asked[Plan](self.kfwd.calls, self._came)
        self.table.focus()

    @property
    def subject(self) -> Row | None:
        """The profile at the cursor."""
        return self.rows.get(self.table.key or "")

    @property
    def plan(self) -> Plan | KfwdError | None:
        """What bringing that profile up would do, or why it cannot be; None while it is asked."""
        row, asked = self.subject, self._plan.question
        if row is None or not isinstance(asked, tuple) or asked[0] != row.name:
            return None
        return self._plan.error or self._plan.answer

    def on_screen_resume(self) -> None:
        self._edits += 1

    def _came(self) -> None:
        if self.alive:
            self.redraw()

    def redraw(self) -> None:
        self._files.ask((int(time.monotonic()), self._edits), self._folder.look)
        if (files := self._files.answer) is None:
            return
        self.rows = {row.name: row for row in profile_rows.rows(files, self.picture)}
        self.table.show(list(self._items()), first=self._first)
        if (row := self.subject) is not None:
            question = (row.name, files, self.picture.profiles)
            self._plan.ask(question, partial(self._fetch, row.name))
        self.query_one("#planned", Line).show()
        self.query_one("#plan", LineTable).show(list(self._plan_items()))

    def _fetch(self, name: str) -> Plan:
        return self.kfwd.client.plan([name], self.kfwd.kubeconfigs())

    def _items(self) -> Iterator[Item]:
        if not self.rows:
            yield remark(f"no profiles in {self.kfwd.paths.profiles}")
        for row in self.rows.values():
            yield Item(row.name, partial(profile_rows.line, row))
            if row.faults:
                yield Item(row.name, partial(profile_rows.fault, row), pickable=False)

    def _planned(self, cells: int) -> Pieces:
        row, plan = self.subject, self.plan
        if row is None:
            return ()
        said = plan_lines.summary(plan) if isinstance(plan, Plan) else ""
        return cut((Piece(f" plan of {row.name}  ", "title"), Piece(said, "dim")), cells)

    def _plan_items(self) -> Iterator[Item]:
        plan, cells = self.plan, self.table.size.width
        if isinstance(plan, KfwdError):
            folder = f"{self.kfwd.paths.profiles}/"
            for number, pieces in enumerate(plan_lines.refusal(plan, cells, without=folder)):
                yield Item(str(number), fixed(pieces))
        elif plan is not None:
            for id, pieces in plan_lines.lines(plan, cells):
                yield Item(id, fixed(pieces))

    @on(LineTable.Moved)
    def _show_plan(self) -> None:
        self.redraw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        row = self.subject if self.is_mounted else None
        if action in OF_UP:
            return row is not None and row.up
        if action in OF_FILE:
            return row is not None and row.has_file
        return super().check_action(action, parameters)

    def action_bring_up(self) -> None:
        if (row := self.subject) is not None:
            files = self.kfwd.kubeconfigs()
            up = partial(self.kfwd.client.up, [row.name], files)
            self.kfwd.calls.start(up, partial(self._is_up, row.name))

    def _is_up(self, name: str, plan: Plan) -> None:
        self.kfwd.say(f"{name} is up")

    def action_take_down(self) -> None:
        if (row := self.subject) is not None:
            down = partial(self.kfwd.client.down, [row.name])
            self.kfwd.calls.start(down, partial(self._is_down, row.name))

    def _is_down(self, name: str, was: Plan) -> None:
        again = partial(self.kfwd.calls.start, partial(self._as_it_was, name, was))
        self.kfwd.offer_undo(f"took {name} down", again)

    def _as_it_was(self, name: str, was: Plan) -> None:
        """Bring it up again, where that makes the same entries in the same context."""
        plan = self._fetch(name)
        if {(i.id, i.text) for i in plan.items} != {(i.id, i.text) for i in was.items}:
            raise KfwdError(
                f"{name} would not come back as it was", hint="its plan says what it would be"
            )
        self.kfwd.client.up([name], self.kfwd.kubeconfigs())

    def action_switch(self) -> None:
        if (row := self.subject) is not None and row.context is not None:
            self.app.push_screen(Switch(row.context))

    def _draft(self, name: str) -> Draft | None:
        try:
            return Draft(self.kfwd.paths.profiles, name, self.kfwd.paths.state)
        except KfwdError as error:
            self.kfwd.calls.show(error)
            return None

    def action_edit(self) -> None:
        if (row := self.subject) is not None and (draft := self._draft(row.name)) is not None:
            self._edit(draft)

    def _edit(self, draft: Draft) -> None:
        if editing.edit(self.kfwd, draft) is Outcome.FAULTY:
            self.app.push_screen(ProfileFile(draft, draft.faults()))
        self._edits += 1
        self.redraw()

    def action_file(self) -> None:
        if (row := self.subject) is not None and (draft := self._draft(row.name)) is not None:
            self.app.push_screen(ProfileFile(draft, draft.faults()))

    def action_validate(self) -> None:
        if (row := self.subject) is None or (draft := self._draft(row.name)) is None:
            return
        if faults := draft.faults():
            self.app.push_screen(ProfileFile(draft, faults))
        else:
            self.kfwd.say(f"{draft.path.name} has no faults")

    def action_new(self) -> None:
        name = self.query_one("#name", Input)
        name.value, name.display = "", True
        self.set_focus(name)

    @on(Input.Submitted, "#name")
    def _named(self, event: Input.Submitted) -> None:
        draft = self._draft(event.value.strip())
        if draft is None:
            return
        self._close_name()
        if draft.is_new:
            self._edit(draft)
        else:
            said, key = (
                f"there is a profile {draft.name} already",
                self.kfwd.key("profile-edit", "e"),
            )
            self.kfwd.say(said, hint=f"{key} edits it", bad=True)

    def action_back(self) -> None:
        if self.query_one("#name", Input).display:
            self._close_name()
        else:
            super().action_back()

    def _close_name(self) -> None:
        self.query_one("#name", Input).display = False
        self.table.focus()
