"""The doctor: walk the hops to an entry, or to all that has a problem, and watch it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import aclosing
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from kfwd.api_doctor import DoctorQuery
from kfwd.client import feeds, live
from kfwd.errors import KfwdError
from kfwd.tasks import TaskSet
from kfwd.tui import doctor_lines, login
from kfwd.tui.doctor_lines import Walk
from kfwd.tui.page import Page
from kfwd.tui.pieces import Piece, Pieces, cut
from kfwd.tui.widgets.line import Line, fixed
from kfwd.tui.widgets.line_table import Item, LineTable

EVERYTHING = "all that has a problem"


class Doctor(Page):
    """About an entry or a context, else about every context in use and every entry with a problem.

    Leaving the screen ends the walk.
    """

    name_shown = "doctor"
    help_text = (
        "Walks each hop, from the kubeconfig to the process in the pod, and stops at the first"
        " that is broken. Below is each cause once, and behind the arrow what to do about it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        login.LOG_IN,
        Binding("r", "again", "again", tooltip="Walk it again", id="doctor-again"),
        Binding("a", "all", "all", tooltip="All that has a problem", id="doctor-all"),
    ]

    def __init__(self, entry: str | None = None, *, context: str | None = None) -> None:
        super().__init__()
        self.entry = entry
        self.context = context
        self.walk = Walk()
        self.trouble: KfwdError | None = None
        self._tasks = TaskSet("doctor")
        self._walking: asyncio.Task[None] | None = None

    def body(self) -> Iterable[Widget]:
        yield Line(self._heading, id="heading")
        yield LineTable(id="hops")

    def on_mount(self) -> None:
        self.table.focus()
        self.action_again()

    async def on_unmount(self) -> None:
        await self._tasks.close()

    @property
    def subject(self) -> str:
        """What is examined."""
        return self.entry or self.context or EVERYTHING

    def redraw(self) -> None:
        self.table.show(list(self._items()))
        self.query_one("#heading", Line).show()

    def _items(self) -> Iterator[Item]:
        for seen in doctor_lines.lines(self.walk, self.table.size.width):
            yield Item(seen.key, fixed(seen.pieces), pickable=seen.first)

    def _heading(self, cells: int) -> Pieces:
        said = Piece("walking", "busy")
        if self.walk.diagnosis is not None:
            said = Piece("done", "dim")
        elif self.trouble is not None:
            said = Piece(self.trouble.text, "bad")
        return cut((Piece(f" {self.subject}  ", "title"), said), cells)

    def action_again(self) -> None:
        if self._walking is not None:
            self._walking.cancel()
        self.walk, self.trouble = Walk(), None
        self._walking = self._tasks.spawn(self._examine(), "walk")
        self.redraw()
        self.refresh_bindings()

    def action_all(self) -> None:
        self.entry = self.context = None
        self.action_again()

    async def _examine(self) -> None:
        query = DoctorQuery(
            entry=self.entry,
            context=self.context,
            kubeconfig=self.kfwd.kubeconfigs(),
            path=self.kfwd.env.get("PATH"),
        )
        try:
            async with aclosing(live.follow(self.kfwd.client, feeds.doctor(query))) as found:
                async for events in found:
                    self.walk.take(events)
                    self._came()
        except KfwdError as error:
            self.trouble = error
        if self.walk.diagnosis is None and self.trouble is None:
            self.trouble = KfwdError("there is no diagnosis: the daemon hung up")
        self._came()

    def _came(self) -> None:
        if not self.alive:
            return
        self.redraw()
        if (here := self.walk.here) is not None:
            self.table.pick(here)
        self.refresh_bindings()

    @property
    def _waiting(self) -> str | None:
        """The context that waits for a login, of those that were walked."""
        found = (about for about, _ in self.walk.hops if login.needed(self.picture, about))
        return next(found, None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "log_in":
            return self.is_mounted and self._waiting is not None
        if action == "all":
            return self.subject != EVERYTHING
        return super().check_action(action, parameters)

    def action_log_in(self) -> None:
        if (context := self._waiting) is not None:
            login.log_in(self.kfwd, context)
            self.action_again()
