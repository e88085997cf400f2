"""The overview: all entries in one table, grouped by profile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import ClassVar

from msgspec.structs import replace
from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget

from kfwd.api_contexts import ContextList
from kfwd.model import EntryView
from kfwd.text import clean
from kfwd.tui import columns, login, outline, places, words
from kfwd.tui.entry_page import ENTRY_BINDINGS, EntryPage
from kfwd.tui.link import Standing
from kfwd.tui.outline import Group, Wish
from kfwd.tui.picture import Picture
from kfwd.tui.pieces import Piece, Pieces, Tone, spread
from kfwd.tui.widgets.find import FIND, Find
from kfwd.tui.widgets.line import Line
from kfwd.tui.widgets.line_table import Item, LineTable, remark

PROFILE = "profile:"


class Overview(EntryPage):
    """The first screen. The line of a profile has the key `profile:NAME`, an entry's is its id."""

    help_text = "Every entry, grouped by profile. A line below one says what is wrong with it."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "fold", "fold", key_display="enter", id="fold"),
        *(place.binding for place in places.PLACES),
        *ENTRY_BINDINGS,
        FIND,
        Binding("P", "problems", "only problems", show=False, id="only-problems"),
        Binding("S", "sort", "sort", tooltip="Sort by something else", id="sort"),
        Binding("escape", "all", "show all", show=False, id="show-all"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.wish = Wish()
        self._seen = ""
        self._asked_around = False

    def body(self) -> Iterable[Widget]:
        yield Line(self._heading, id="heading")
        yield LineTable(id="entries")
        yield Line(self._wished, id="wished")
        yield Find("name, target, context, pod, state")

    def on_mount(self) -> None:
        self.table.focus()

    @property
    def subject(self) -> EntryView | None:
        """The entry under the cursor."""
        return self.picture.entries.get(self.table.key or "") if self.is_mounted else None

    def redraw(self) -> None:
        items = list(self._items())
        entries = (item.key for item in items if item.key in self.picture.entries)
        self.table.show(items, first=next(entries, None))
        self.query_one("#heading", Line).show()
        wished = self.query_one("#wished", Line)
        wished.display = self.wish.only_problems or self.wish.sort != Wish().sort
        wished.show()

    def _items(self) -> Iterator[Item]:
        picture, now = self.picture, self.kfwd.clock()
        if not picture.entries:
            yield from self._first_start()
        groups = outline.outline(picture, self.wish)
        if picture.entries and not groups:
            yield remark(f"{self._hidden()} - {self.kfwd.key('show-all', 'esc')} shows all")
        for group in groups:
            yield Item(PROFILE + group.profile, partial(self._group, group))
            for entry in () if group.folded else group.shown:
                yield Item(entry.id, partial(_row, entry, picture, now))
                if entry.problem is not None:
                    waits = login.needed(picture, entry.context)
                    draw = partial(columns.problem, entry, login=waits)
                    yield Item(entry.id, draw, pickable=False)

    def _hidden(self) -> str:
        """Why no entry is shown."""
        find = self.wish.find.strip()
        named = f"no entry with {find}" if find else "no entry"
        return f"{named} has a problem" if self.wish.only_problems else named

    def _first_start(self) -> Iterator[Item]:
        """What to do when there is nothing to show yet."""
        if self.kfwd.link.standing is Standing.CONNECTING:
            return
        self._look_around()
        files = ", ".join(self.kfwd.kubeconfigs())
        yield remark(f"nothing is forwarded yet. {self._seen or f'kubeconfig: {files}'}")
        yield remark(f"{self.kfwd.key('browse', 'b'):<16}picks something to forward")
        yield remark("kfwd demo       is a cluster to play with")

    def _look_around(self) -> None:
        """Ask once which contexts there are."""
        if self._asked_around or self.kfwd.link.standing is not Standing.LIVE:
            return
        self._asked_around = True

        def told(found: ContextList) -> None:
            names = ", ".join(each.name for each in found.contexts)
            self._see(f"contexts: {names}" if names else "the kubeconfig has no contexts")

        ask = partial(self.kfwd.client.contexts, self.kfwd.kubeconfigs())
        self.kfwd.calls.start(ask, told, lambda error: self._see(error.text))

    def _see(self, said: str) -> None:
        self._seen = said
        self.redraw()

    def _group(self, group: Group, cells: int) -> Pieces:
        name = clean(group.title)
        left: Pieces = (Piece(f" {'▸' if group.folded else '▾'} "), Piece(name, "title"))
        names = dict.fromkeys(entry.context for entry in group.shown)
        found = [each for name in names if (each := self.picture.context(name)) is not None]
        left = (*left, *words.contexts(found, self.kfwd.clock()))
        tone: Tone = "dim" if group.ready == group.all else "warn"
        return spread(left, (Piece(f"{group.ready} of {group.all} ready ", tone),), cells)

    def _heading(self, cells: int) -> Pieces:
        return columns.heading(cells)

    def _wished(self, cells: int) -> Pieces:
        said = ["only problems"] if self.wish.only_problems else []
        said += [f"sorted: {self.wish.sort}"] if self.wish.sort != Wish().sort else []
        key = self.kfwd.key("show-all", "esc")
        return (Piece(f" {' · '.join(said)}", "accent"), Piece(f"  {key} shows all", "dim"))

    def _ask(self, wish: Wish) -> None:
        self.wish = wish
        self.redraw()
        self.refresh_bindings()

    def action_fold(self) -> None:
        profile = (self.table.key or "").removeprefix(PROFILE)
        self._ask(replace(self.wish, folded=self.wish.folded ^ {profile}))

    def action_sort(self) -> None:
        sorts = list(outline.SORTS)
        following = sorts[(sorts.index(self.wish.sort) + 1) % len(sorts)]
        self._ask(replace(self.wish, sort=following))

    def action_problems(self) -> None:
        self._ask(replace(self.wish, only_problems=not self.wish.only_problems))

    def action_all(self) -> None:
        self._close_filter()
        self._ask(Wish(folded=self.wish.folded))

    def action_find(self) -> None:
        self.query_one(Find).open()

    @on(Find.Asked)
    def _asked(self, event: Find.Asked) -> None:
        self._ask(replace(self.wish, find=event.text))

    @on(Find.Left)
    def _left(self) -> None:
        self.table.focus()

    def _close_filter(self) -> None:
        self.query_one(Find).close()
        self.table.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "fold":
            return self.is_mounted and (self.table.key or "").startswith(PROFILE)
        return super().check_action(action, parameters)


def _row(entry: EntryView, picture: Picture, now: datetime, cells: int) -> Pieces:
    """Made where it is drawn: most entries are not seen."""
    return columns.row(columns.Facts(entry, picture.rate(entry.id), now), cells)
