"""Every way to a target, tried from here, the best first."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import partial
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget

from kfwd.api_model import RouteList, RoutesRequest, RouteView
from kfwd.errors import NotFound
from kfwd.text import clean
from kfwd.tui import drafts, route_rows
from kfwd.tui.asked import Asked
from kfwd.tui.drafts import Place
from kfwd.tui.link import Standing
from kfwd.tui.page import Page
from kfwd.tui.pieces import Piece, Pieces, spread, wrap
from kfwd.tui.route_rows import About, Way
from kfwd.tui.screens.forward import Forward
from kfwd.tui.widgets.line import Line
from kfwd.tui.widgets.line_table import Item, LineTable, remark
from kfwd.tui.widgets.lines import Lines

AGAIN_S = 10.0
"""From one round of trials to the next, while they are looked at."""
NOTES = 3
"""Lines that the note of a route may take."""
OF_WAY = {"take", "copy", "open"}


class Routes(Page):
    """About an entry, by its id, or about something else in a cluster."""

    name_shown = "routes"
    help_text = "Every way to reach it, each tried from here again and again, the best first."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "take",
            "open or copy",
            key_display="enter",
            tooltip="Open what a browser can, copy the rest",
            id="take",
        ),
        Binding("y", "copy", "copy", id="copy-route"),
        Binding("o", "open", "open", show=False, tooltip="Open in the browser", id="open-route"),
        Binding("f", "forward", "forward", tooltip="Make a forward", id="forward-route"),
        Binding("t", "again", "try again", tooltip="Try every way again now", id="try-again"),
        Binding("escape", "back", "back", id="back"),
    ]

    def __init__(self, about: str | About) -> None:
        super().__init__()
        self._entry = about if isinstance(about, str) else None
        self.about = about if isinstance(about, About) else None
        self.ways: dict[str, Way] = {}
        self.routes: list[RouteView] = []
        self._round = 0
        self._tried = 0.0

    def body(self) -> Iterable[Widget]:
        yield Line(self._trail, id="trail")
        yield LineTable(id="routes")
        yield Lines(id="note")

    def on_mount(self) -> None:
        self._asked = Asked[tuple[RouteList, Place]](self.kfwd.calls, self._came)
        if self._entry is not None and (entry := self.picture.entries.get(self._entry)):
            self.about = route_rows.of_entry(entry)
        self.table.focus()

    @property
    def subject(self) -> Way | None:
        """The way under the cursor."""
        return self.ways.get(self.table.key or "")

    def redraw(self) -> None:
        about, live = self.about, self.kfwd.link.standing is Standing.LIVE
        if about is not None and live:
            if self._tried and time.monotonic() - self._tried > AGAIN_S:
                self._again()
            self._asked.ask(self._round, partial(self._try, about))
        if about is not None:
            entries = self.picture.entries.values()
            self.ways = {way.key: way for way in route_rows.ways(self.routes, about, entries)}
        begins = self.subject is None
        self.table.show(list(self._items()))
        if begins and self.ways:
            self.table.pick(next(iter(self.ways)))
        self.query_one("#trail", Line).show()
        self._note()
        self.refresh_bindings()

    def _try(self, about: About) -> tuple[RouteList, Place]:
        """In a thread."""
        client, files = self.kfwd.client, self.kfwd.kubeconfigs()
        contexts = client.contexts(files).contexts
        current = next((each.name for each in contexts if each.current), None)
        known = [each for each in contexts if each.name == about.context]
        chosen = about.kubeconfig or next((c.kubeconfig for c in known if c.in_use), None)
        chosen = chosen or next((c.kubeconfig for c in known), None)
        if chosen is None:
            raise NotFound(f"there is no context {about.context} any more")
        request = RoutesRequest(
            target=about.asked,
            namespace=about.namespace,
            context=about.context,
            kubeconfig=chosen,
        )
        found = client.routes(request)
        return found, Place(context=about.context, kubeconfig=chosen, current=current)

    def _came(self) -> None:
        self._tried = time.monotonic()
        if self._asked.answer is not None:
            self.routes = route_rows.steady(self.routes, self._asked.answer[0].routes)
        if self.alive:
            self.redraw()

    def _again(self) -> None:
        self._round += 1
        self._tried = 0.0

    def action_again(self) -> None:
        self._again()
        self.redraw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in OF_WAY:
            return self.is_mounted and self.subject is not None
        if action == "forward":
            return route_rows.forward_port(None, list(self.ways.values())) is not None
        return super().check_action(action, parameters)

    def action_take(self) -> None:
        if (way := self.subject) is None:
            return
        if way.opens or (way.up and way.url is not None):
            self.action_open()
        else:
            self.action_copy()

    def action_copy(self) -> None:
        if (way := self.subject) is not None:
            self.app.copy_to_clipboard(way.address)
            self.kfwd.say(f"copied {way.address}")

    def action_open(self) -> None:
        if (way := self.subject) is None:
            return
        if way.url is None:
            key = self.kfwd.key("forward-route", "f")
            self.kfwd.say("a browser cannot open this", hint=f"{key} makes a forward", bad=True)
            return
        self.app.open_url(way.url)
        self.kfwd.say(f"opened {way.url}")

    def action_forward(self) -> None:
        chosen = route_rows.forward_port(self.subject, list(self.ways.values()))
        if chosen is None or self.about is None or self._asked.answer is None:
            return
        port, via = chosen
        taken = drafts.local_numbers(self.picture.entries.values())
        about, place = self.about, self._asked.answer[1]
        draft = drafts.of_route(about.target, port, about.namespace, taken, via=via)
        self.app.push_screen(Forward(place, [draft]))

    def _items(self) -> Iterator[Item]:
        if self.about is None:
            yield remark("this stands for a whole cluster: there are no ways to it but its address")
            return
        error = self._asked.error
        if error is not None:
            yield remark(error.text, "bad")
            if error.hint:
                yield remark(error.hint)
        elif not self.routes:
            answered = self._asked.answer is not None
            yield remark("there is no way to it" if answered else "trying every way …")
        for way in self.ways.values():
            yield Item(way.key, partial(route_rows.row, way))

    @on(LineTable.Moved)
    def _note(self) -> None:
        cells = max(1, self.size.width - 2)
        way = self.subject
        facts = (way.route.address, way.route.note) if way else ()
        said = " · ".join(fact for fact in facts if fact)
        lines = wrap(said, cells)[:NOTES]
        self.query_one("#note", Lines).show([(Piece(f" {line}", "dim"),) for line in lines])

    def _trail(self, cells: int) -> Pieces:
        if (about := self.about) is None:
            return ()
        left = (
            Piece(" Ways to ", "dim"),
            Piece(clean(about.asked), "title"),
            Piece(f"  {about.context} ▸ {about.namespace}", "dim"),
        )
        works = sum(way.route.state == "works" for way in self.ways.values())
        return spread(left, (Piece(f"{works} of {len(self.ways)} work ", "dim"),), cells)
