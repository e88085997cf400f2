"""What is about to be forwarded: shown and edited before anything is bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, Literal

from msgspec.structs import replace
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.suggester import SuggestFromList
from textual.widgets import Input

from kfwd.api_model import EntryRequest
from kfwd.errors import KfwdError, UsageError
from kfwd.model import ForwardSpec
from kfwd.profiles import saving, store
from kfwd.tui import drafts
from kfwd.tui.dialog import Dialog
from kfwd.tui.drafts import Draft, Place
from kfwd.tui.pieces import Piece, Pieces, hints, shorten, wrap
from kfwd.tui.widgets.field import Field
from kfwd.tui.widgets.line import Line, fixed
from kfwd.tui.widgets.lines import Lines

MOST = 6
"""Lines of the preview."""
LEAST = 20
"""Cells of a line before it is known how many there are."""


class Ports(Field):
    """The ports of a draft; the cursor begins at the local one."""

    def __init__(self, ports: str, number: int) -> None:
        super().__init__(
            ports,
            placeholder="8080:http",
            id=f"ports-{number}",
            compact=True,
            select_on_focus=False,
        )
        self.cursor_position = 0


class ProfileField(Field):
    """The name of a profile: one of those there are, or a new one; nothing is ad hoc."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "turn(-1)", show=False),
        Binding("down", "turn(1)", show=False),
    ]

    def __init__(self, names: Sequence[str]) -> None:
        suggester = SuggestFromList(names)
        super().__init__(placeholder="ad hoc", id="profile", suggester=suggester, compact=True)
        self._choices = ("", *names)

    def action_turn(self, by: int) -> None:
        at = self._choices.index(self.value) if self.value in self._choices else 0
        self.value = self._choices[(at + by) % len(self._choices)]


class Forward(Dialog[bool]):
    """A line of ports for each draft, and where to save them. Ends with whether it was done."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go", "forward", id="do-forward"),
        Binding("escape", "dismiss(False)", "leave", id="leave-forward"),
    ]
    help_text = (
        "Ports are LOCAL:REMOTE, one number for both, or :REMOTE for a free local port; several "
        "are separated by spaces. With a profile's name they are written to its file, which comes "
        "up; without one they are ad hoc. tab goes to the next field."
    )

    def __init__(self, place: Place, found: Sequence[Draft]) -> None:
        super().__init__()
        self._place = place
        self._drafts = found
        self._made: list[str] = []
        self._busy = False

    def compose(self) -> ComposeResult:
        names = store.names(self.kfwd.paths.profiles)
        with VerticalScroll(id="forward"):
            yield Line(self._title, classes="one")
            for number, draft in enumerate(self._drafts):
                with Horizontal(classes="field"):
                    yield Line(partial(_label, draft.target), classes="label")
                    yield Ports(draft.ports, number)
            with Horizontal(classes="field"):
                yield Line(partial(_label, "save to"), classes="label")
                yield ProfileField(names)
            with Horizontal(classes="field"):
                yield Line(classes="label")
                yield Line(partial(_known, names), classes="one")
            yield Lines(id="preview")
            leave = self.kfwd.key("leave-forward", "esc")
            keys = hints(
                *(("enter", "forwards"), ("tab", "next field"), (leave, "leaves"), ("?", "help"))
            )
            yield Line(fixed(keys), classes="one")

    def on_mount(self) -> None:
        self.query(Ports).first().focus()
        self.call_after_refresh(self._edited)

    @on(Input.Changed)
    def _edited(self) -> None:
        try:
            shown = list(drafts.preview(self._specs()))
        except UsageError as error:
            self._say(error.text, "warn")
        else:
            more = [f"and {len(shown) - MOST} more"] if len(shown) > MOST else []
            lines = [(Piece(line),) for line in (*shown[:MOST], *more)]
            self.query_one("#preview", Lines).show(lines)

    @on(Input.Submitted)
    def action_go(self) -> None:
        if self._busy:
            return
        try:
            wanted = self._specs()
        except UsageError as error:
            self._say(error.text, "bad")
            return
        self._busy = True
        profile = self.query_one(ProfileField).value.strip()
        carry: Callable[[], object] = partial(self._ad_hoc, wanted)
        if profile:
            carry = partial(self._save, wanted, profile)
        self.kfwd.calls.start(carry, partial(self._done, wanted), self._failed)

    def _ad_hoc(self, wanted: Sequence[ForwardSpec]) -> None:
        """Those that an attempt before this one has made are not made again."""
        for spec in wanted[len(self._made) :]:
            place = self._place
            request = EntryRequest(spec=spec, kubeconfig=place.kubeconfig, context=place.context)
            self._made.append(self.kfwd.client.put_entry(spec.name, request, "next").id)

    def _save(self, wanted: Sequence[ForwardSpec], profile: str) -> None:
        place, folder = self._place, self.kfwd.paths.profiles
        with saving.saved(folder, profile, wanted, place.context, default=place.current):
            self.kfwd.client.up([profile], place.kubeconfig)

    def _done(self, wanted: Sequence[ForwardSpec], _: object) -> None:
        shown = list(drafts.preview(wanted))
        more = f" and {len(shown) - 1} more" if len(shown) > 1 else ""
        self.kfwd.say(f"{shown[0]}{more}")
        if self.is_current:
            self.dismiss(True)

    def _failed(self, error: KfwdError) -> None:
        self._busy = False
        if self.is_current:
            self._say(f"{error.text}\n{error.hint or ''}".strip(), "bad")
        else:
            self.kfwd.calls.show(error)

    def _specs(self) -> list[ForwardSpec]:
        pairs = zip(self._drafts, self.query(Ports), strict=True)
        return drafts.specs(replace(draft, ports=field.value) for draft, field in pairs)

    def _say(self, text: str, tone: Literal["warn", "bad"]) -> None:
        preview = self.query_one("#preview", Lines)
        shown = text.replace(f"{self.kfwd.paths.profiles}/", "")
        cells = max(preview.size.width, LEAST)
        lines = [part for line in shown.splitlines() for part in wrap(line, cells)]
        preview.show([(Piece(line, tone),) for line in lines])

    def _title(self, cells: int) -> Pieces:
        namespaces = ", ".join(dict.fromkeys(draft.namespace for draft in self._drafts))
        direct = any(draft.via == "direct" for draft in self._drafts)
        way = ", not through the API server" if direct else ""
        where = f" ▸ {namespaces}" if namespaces else ""
        said = f"Forward from {self._place.context}{where}{way}"
        return (Piece(shorten(said, cells), "title"),)


def _label(text: str, cells: int) -> Pieces:
    return (Piece(shorten(text, cells - 1)),)


def _known(names: Sequence[str], cells: int) -> Pieces:
    there_are = f", or ↑↓ {', '.join(names)}" if names else ""
    said = f"a profile's name{there_are}"
    return (Piece(shorten(said, cells), "dim"),)
