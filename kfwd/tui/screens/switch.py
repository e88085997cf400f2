"""From one context to another: where to, what that moves, and what refuses it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget

from kfwd.api_contexts import ContextItem, ContextList, SwitchRequest
from kfwd.api_model import Plan, PlanItem
from kfwd.errors import KfwdError
from kfwd.model import EntryView
from kfwd.text import clean
from kfwd.tui import plan_lines, words
from kfwd.tui.asked import Asked
from kfwd.tui.page import Page
from kfwd.tui.pieces import Piece, Pieces, cut, fit
from kfwd.tui.status_line import count
from kfwd.tui.widgets.line import Line, fixed
from kfwd.tui.widgets.line_table import Item, LineTable, remark

STATE, ENTRIES = 15, 11


class Switch(Page):
    """The upper half lists contexts, the lower one what goes to the one at the cursor."""

    name_shown = "context"
    help_text = (
        "Everything in one context goes to another; its local ports stay bound.\n"
        "All of it or nothing: what is not there is said, and nothing moves."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "switch", "switch", key_display="enter", id="switch"),
        Binding(
            "E",
            "end",
            "end connections",
            tooltip="End open connections, or let them stay until they end",
            id="end-connections",
        ),
    ]

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.end = False
        self.refused: tuple[str, KfwdError] | None = None
        self._going: ContextItem | None = None

    def body(self) -> Iterable[Widget]:
        yield Line(self._from, id="heading")
        yield LineTable(id="contexts")
        yield Line(self._to, id="planned")
        yield LineTable(id="plan")

    def on_mount(self) -> None:
        self._contexts = Asked[ContextList](self.kfwd.calls, self._came)
        self.table.focus()

    @property
    def places(self) -> dict[str, ContextItem]:
        """Where it can go, by the number of the line."""
        found = self._contexts.answer.contexts if self._contexts.answer else ()
        return {str(n): each for n, each in enumerate(found) if each.name != self.source}

    @property
    def goal(self) -> ContextItem | None:
        """The context at the cursor."""
        return self.places.get(self.table.key or "")

    @property
    def moving(self) -> list[EntryView]:
        entries = self.picture.entries.values()
        found = [entry for entry in entries if entry.context == self.source]
        return sorted(found, key=lambda entry: entry.id)

    def _came(self) -> None:
        if self.alive:
            self.redraw()
            self.refresh_bindings()

    def redraw(self) -> None:
        files = self.kfwd.kubeconfigs()
        used = tuple((each.name, each.state) for each in self.picture.contexts)
        self._contexts.ask(used, partial(self.kfwd.client.contexts, files))
        self.table.show(list(self._items()))
        self.query_one("#heading", Line).show()
        self.query_one("#planned", Line).show()
        self.query_one("#plan", LineTable).show(list(self._plan_items()))

    def _items(self) -> Iterator[Item]:
        if (error := self._contexts.error) is not None:
            for pieces in plan_lines.refusal(error, self.table.size.width):
                yield Item("", fixed(pieces), pickable=False)
        places = self.places
        if not places and self._contexts.answer is not None:
            yield remark("there is no other context in your kubeconfig")
        for number, each in places.items():
            yield Item(number, partial(_row, each))

    def _from(self, cells: int) -> Pieces:
        said = f"   where {count(len(self.moving), 'entry', 'entries')} of {self.source} can go"
        return cut((Piece(said, "dim"),), cells)

    def _to(self, cells: int) -> Pieces:
        if (goal := self.goal) is None:
            return ()
        stays = "open connections end" if self.end else "open connections stay until they end"
        title = f" {self.source} → {goal.name}  "
        said = "looking for all of it there" if self._going else stays
        return cut((Piece(title, "title"), Piece(said, "busy" if self._going else "dim")), cells)

    def _plan_items(self) -> Iterator[Item]:
        if (goal := self.goal) is None:
            return
        cells = self.table.size.width
        if self.refused is not None and self.refused[0] == self.table.key:
            for number, pieces in enumerate(plan_lines.refusal(self.refused[1], cells)):
                yield Item(str(number), fixed(pieces))
            return
        moves = f"context {self.source} -> {goal.name}"
        items = [PlanItem(id=entry.id, action="change", text=moves) for entry in self.moving]
        for id, pieces in plan_lines.lines(Plan(items=tuple(items)), cells):
            yield Item(id, fixed(pieces))

    @on(LineTable.Moved)
    def _show_plan(self) -> None:
        self.redraw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "switch":
            return self.is_mounted and self.goal is not None and self._going is None
        return super().check_action(action, parameters)

    def action_end(self) -> None:
        self.end = not self.end
        self.redraw()

    def action_switch(self) -> None:
        if (goal := self.goal) is None:
            return
        self._going, self.refused = goal, None
        empty = all(entry.context != goal.name for entry in self.picture.entries.values())
        self.kfwd.calls.start(
            partial(self.kfwd.client.switch, self._request(self.source, goal)),
            partial(self._gone, goal, empty),
            partial(self._stay, self.table.key or ""),
        )
        self._came()

    def _request(self, source: str, to: ContextItem) -> SwitchRequest:
        return SwitchRequest(source=source, to=to.name, kubeconfig=to.kubeconfig, end=self.end)

    def _stay(self, key: str, error: KfwdError) -> None:
        self._going, self.refused = None, (key, error)
        self._came()

    def _gone(self, goal: ContextItem, empty: bool, plan: Plan) -> None:
        """It can go back where nothing was in the other context before: else that would go too."""
        self._going = None
        said = (
            f"{count(len(plan.items), 'entry', 'entries')} went from {self.source} to {goal.name}"
        )
        answer = self._contexts.answer
        old = [each for each in answer.contexts if each.name == self.source] if answer else []
        if empty and len(old) == 1:
            back = partial(self.kfwd.client.switch, self._request(goal.name, old[0]))
            self.kfwd.offer_undo(said, partial(self.kfwd.calls.start, back), what="goes back")
        else:
            self.kfwd.say(said)
        if self.is_current:
            self.app.pop_screen()


def _row(of: ContextItem, cells: int) -> Pieces:
    """`prod  ● ok  3 entries  https://...`."""
    glyph, tone = words.CONTEXTS[of.state]
    state = Piece(f"{glyph} {of.state.value.replace('-', ' ')}", tone)
    if not of.in_use:
        state = Piece("not in use", "dim")
    entries = count(of.entries, "entry", "entries") if of.entries else ""
    server = of.server or "cannot be read from the kubeconfig"
    pieces = (
        Piece(f"   {fit(of.name, max(16, cells // 4))} ", "title"),
        Piece(fit(state.text, STATE), state.tone),
        Piece(f"{fit(entries, ENTRIES)} {clean(server)}", "dim"),
    )
    return cut(pieces, cells)
