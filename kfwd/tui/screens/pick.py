"""Pick one of a list that the daemon is asked for; typing filters it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from kfwd.errors import KfwdError
from kfwd.tui.dialog import Dialog
from kfwd.tui.pieces import Piece, hints, shorten
from kfwd.tui.widgets.field import Field
from kfwd.tui.widgets.line import Line, fixed
from kfwd.tui.widgets.line_table import Item, LineTable, remark

T = TypeVar("T")


class Choices(Generic[T]):
    """`ask` blocks and may fail; `items` are the lines of its answer that have a text in them;
    the cursor begins on the key `first` of it.
    """

    def __init__(
        self,
        title: str,
        ask: Callable[[], T],
        items: Callable[[T, str], Iterable[Item]],
        first: Callable[[T], str | None],
    ) -> None:
        self.title = title
        self.ask = ask
        self.first = first
        self._items = items
        self._answer: T | None = None
        self._error: KfwdError | None = None

    def answered(self, answer: T) -> None:
        self._answer = answer

    def failed(self, error: KfwdError) -> None:
        self._error = error

    def lines(self, find: str) -> list[Item]:
        """What is to be shown now."""
        if self._error is not None:
            hint = [remark(self._error.hint)] if self._error.hint else []
            return [remark(self._error.text, "bad"), *hint]
        if self._answer is None:
            return [remark("reading …")]
        return list(self._items(self._answer, find)) or [remark("nothing has that in its name")]


class Pick(Dialog[str | None], Generic[T]):
    """Ends with the key of what was picked, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "pick", "pick", id="pick"),
        Binding("escape", "dismiss(None)", "leave", id="leave-pick"),
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
    ]
    help_text = "What is typed leaves only what has it in its name; ↑ and ↓ move."

    def __init__(self, choices: Choices[T]) -> None:
        super().__init__()
        self._choices = choices

    @property
    def table(self) -> LineTable:
        return self.query_one("#choices", LineTable)

    def compose(self) -> ComposeResult:
        with Vertical(id="pick"):
            yield Line(
                lambda cells: (Piece(shorten(self._choices.title, cells), "title"),), classes="one"
            )
            yield Field(placeholder="type to filter", id="sift", compact=True)
            yield LineTable(id="choices", led=True)
            leave = self.kfwd.key("leave-pick", "esc")
            yield Line(
                fixed(hints(("enter", "picks"), (leave, "leaves"), ("?", "help"))), classes="keys"
            )

    def on_mount(self) -> None:
        self.query_one("#sift", Input).focus()
        self._draw()
        self.kfwd.calls.start(self._choices.ask, self._answered, self._failed)

    def _answered(self, answer: T) -> None:
        self._choices.answered(answer)
        if self.is_current:
            self._draw()
            self.table.pick(self._choices.first(answer) or "")

    def _failed(self, error: KfwdError) -> None:
        self._choices.failed(error)
        if self.is_current:
            self._draw()

    @on(Input.Changed)
    def _draw(self) -> None:
        self.table.show(self._choices.lines(self.query_one("#sift", Input).value.strip()))

    def action_move(self, by: int) -> None:
        self.table.action_move(by)

    @on(LineTable.Chosen)
    @on(Input.Submitted)
    def action_pick(self) -> None:
        if self.table.key:
            self.dismiss(self.table.key)
