"""Problems: every one once, with its cause and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from kfwd.tui import login, places, problem_rows
from kfwd.tui.page import Page
from kfwd.tui.problem_rows import Case
from kfwd.tui.screens.doctor import Doctor
from kfwd.tui.screens.profiles import Profiles
from kfwd.tui.widgets.line import fixed
from kfwd.tui.widgets.line_table import Item, LineTable, remark


class Problems(Page):
    """What many entries have from one cause is one problem."""

    name_shown = "problems"
    help_text = (
        "Each problem once: what it is about, how many entries it holds up and since when,\n"
        "what is wrong, and behind the arrow what to do about it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "reach", "go to it", key_display="enter", id="reach"),
        login.LOG_IN,
        Binding("d", "doctor", "doctor", tooltip="Walk the hops to it", id="doctor"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.cases: dict[str, Case] = {}

    def body(self) -> Iterable[Widget]:
        yield LineTable(id="problems")

    def on_mount(self) -> None:
        self.table.focus()

    @property
    def subject(self) -> Case | None:
        """The problem at the cursor."""
        return self.cases.get(self.table.key or "") if self.is_mounted else None

    def redraw(self) -> None:
        self.cases = {case.key: case for case in problem_rows.cases(self.picture)}
        self.table.show(list(self._items()))

    def _items(self) -> Iterator[Item]:
        if not self.cases and self.picture.known:
            yield remark("nothing is wrong", "good")
        now, cells, folder = self.kfwd.clock(), self.table.size.width, self.kfwd.paths.profiles
        key = self.kfwd.key("log-in", "L")
        for about, case in self.cases.items():
            lines = problem_rows.lines(case, now, cells, without=f"{folder}/", login_key=key)
            for number, pieces in enumerate(lines):
                yield Item(about, fixed(pieces), pickable=number == 0)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        case = self.subject
        if action == "reach":
            return case is not None and (case.entry is not None or case.kind == "profile")
        if action == "log_in":
            return self._waiting is not None
        return super().check_action(action, parameters)

    @property
    def _waiting(self) -> str | None:
        """The context to log in to: the one at the cursor, else the only one that waits."""
        if (case := self.subject) is not None and case.login is not None:
            return case.login
        waiting = {case.login for case in self.cases.values() if case.login is not None}
        return next(iter(waiting)) if len(waiting) == 1 else None

    async def action_reach(self) -> None:
        if (case := self.subject) is None:
            return
        if case.kind == "profile":
            await self.app.push_screen(Profiles(case.problem.about))
        elif case.entry is not None:
            await self.app.push_screen(places.named("detail").open(case.entry))

    async def action_doctor(self) -> None:
        """About the entry or the context at the cursor, else about all."""
        case = self.subject
        entry = case.problem.about if case and case.kind == "entry" else None
        context = case.problem.about if case and case.kind == "context" else None
        await self.app.push_screen(Doctor(entry, context=context))

    def action_log_in(self) -> None:
        if (context := self._waiting) is not None:
            login.log_in(self.kfwd, context)
