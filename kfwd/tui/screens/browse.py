"""What there is in a namespace, live, and forwards of what is picked there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace
from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget

from kfwd.api_contexts import ContextItem, ContextList
from kfwd.api_model import NamespaceList, ObjectsPage, ObjectView
from kfwd.client import feeds
from kfwd.errors import KfwdError
from kfwd.model import EntryView
from kfwd.tasks import TaskSet
from kfwd.tui import browsing, drafts, object_lines
from kfwd.tui.browsing import EVERYWHERE
from kfwd.tui.drafts import Place
from kfwd.tui.following import Following
from kfwd.tui.link import Standing
from kfwd.tui.page import Page
from kfwd.tui.pieces import Piece, Pieces, shorten, spread
from kfwd.tui.route_rows import About
from kfwd.tui.screens.forward import Forward
from kfwd.tui.screens.pick import Choices, Pick
from kfwd.tui.screens.routes import Routes
from kfwd.tui.shelf import Shelf
from kfwd.tui.widgets.find import FIND, Find
from kfwd.tui.widgets.line import Line
from kfwd.tui.widgets.line_table import Item, LineTable, remark

OF_OBJECT = {"forward", "mark"}


class Where(Struct, frozen=True, kw_only=True):
    """A namespace (None: the context's own, `EVERYWHERE`: all) of a context."""

    context: ContextItem
    namespace: str | None = None

    @property
    def everywhere(self) -> bool:
        return self.namespace == EVERYWHERE


class Browse(Page):
    """Begins in the context and the namespace that are most likely meant."""

    name_shown = "browse"
    help_text = (
        "What there is in a namespace, kept fresh while it is shown. Enter shows the local ports "
        "before anything is bound."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "forward",
            "forward",
            key_display="enter",
            tooltip="Forward this, or what is marked",
            id="pick",
        ),
        Binding("space", "mark", "mark", id="mark"),
        Binding("r", "routes", "routes", tooltip="Every way to this, tried", id="routes"),
        Binding("n", "namespaces", "namespaces", tooltip="Another namespace", id="namespaces"),
        Binding("c", "contexts", "contexts", tooltip="Another context", id="contexts"),
        FIND,
        Binding("escape", "all", "show all", show=False, id="show-all"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.where: Where | None = None
        self.shelf = Shelf()
        self.marks: dict[str, ObjectView] = {}
        self._find = ""
        self._typed: ObjectView | None = None
        self._trouble: KfwdError | None = None
        self._contexts: ContextList | None = None
        self._asking = False
        self._forwarded: object_lines.Forwarded = {}
        self._items: Sequence[Item] = (remark("reading …"),)
        self._tasks = TaskSet("browse")
        self._following: Following[ObjectsPage] | None = None

    def body(self) -> Iterable[Widget]:
        yield Line(self._trail, id="trail")
        yield LineTable(id="objects")
        yield Line(self._about, id="about")
        yield Find("name, kind, port")

    def on_mount(self) -> None:
        self.table.focus()

    async def on_unmount(self) -> None:
        await self._tasks.close()

    @property
    def subject(self) -> ObjectView | None:
        """The object under the cursor."""
        key = self.table.key or ""
        typed = self._typed if self._typed is not None and self._typed.key == key else None
        return typed or self.shelf.objects.get(key)

    def redraw(self) -> None:
        """The list itself is made anew only when something in it has changed."""
        if self._contexts is None and self.kfwd.link.standing is Standing.LIVE:
            self._ask()
        elif self._contexts is None and self.kfwd.link.standing is Standing.STOPPED:
            self._items = (remark("no daemon runs that could read what there is"),)
        if self.where is not None:
            name = self.where.context.name
            self._forwarded = object_lines.forwarded(self.picture.entries.values(), name)
        self._draw()

    def _draw(self) -> None:
        self.table.show(self._items)
        self.query_one("#trail", Line).show()
        self.query_one("#about", Line).show()
        self.refresh_bindings()

    def _list(self) -> None:
        if not self.alive:
            return
        begins = self.subject is None
        self._items = tuple(self._lines())
        self._draw()
        if begins:
            self._to_first()

    def _to_first(self) -> None:
        self.table.pick(next((item.key for item in self._items if item.pickable), ""))

    def _ask(self) -> None:
        if not self._asking:
            self._asking = True
            ask = partial(self.kfwd.client.contexts, self.kfwd.kubeconfigs())
            self.kfwd.calls.start(ask, self._got, self._no_contexts)

    def _got(self, found: ContextList) -> None:
        self._asking, self._contexts, self._trouble = False, found, None
        chosen = browsing.start(found.contexts)
        if chosen is not None:
            self.go(Where(context=chosen))
        elif self.is_current:
            self.action_contexts()

    def _no_contexts(self, error: KfwdError) -> None:
        self._asking, self._trouble = False, error
        self._list()

    def go(self, where: Where) -> None:
        """Show what there is there."""
        if not self.alive:
            return
        if where.namespace is None and where.context.namespace:
            where = replace(where, namespace=where.context.namespace)
        self.where, self.shelf, self.marks, self._trouble = where, Shelf(), {}, None
        self._following = self._following or Following(
            self.kfwd.client, self._tasks, self._took, self._no_objects
        )
        self._following.follow(
            feeds.objects(
                where.context.name,
                where.context.kubeconfig,
                namespace=None if where.everywhere else where.namespace,
                everywhere=where.everywhere,
                follow=True,
            )
        )
        self.redraw()
        self._list()

    def _took(self, pages: list[ObjectsPage], begins: bool) -> None:
        if begins:
            self.shelf, self._trouble = Shelf(), None
        for page in pages:
            self.shelf.take(page)
        self.marks = {key: self.shelf.objects.get(key, view) for key, view in self.marks.items()}
        self._list()

    def _no_objects(self, error: KfwdError) -> None:
        self._trouble = error
        self._list()

    def action_contexts(self) -> None:
        ask = partial(self.kfwd.client.contexts, self.kfwd.kubeconfigs())
        here = self.where.context if self.where else None

        def go(key: str | None) -> None:
            found = self._contexts.contexts if self._contexts else ()
            chosen = next((each for each in found if browsing.context_key(each) == key), None)
            if chosen is not None:
                self.go(Where(context=chosen))

        def items(found: ContextList, find: str) -> Iterator[Item]:
            self._contexts = found
            return browsing.context_items(found.contexts, find)

        first = browsing.context_key(here) if here else None
        self.app.push_screen(Pick(Choices("Contexts", ask, items, lambda found: first)), go)

    def action_namespaces(self) -> None:
        if (where := self.where) is None:
            return
        context = where.context

        def go(namespace: str | None) -> None:
            if namespace is not None:
                self.go(Where(context=context, namespace=namespace))

        def first(found: NamespaceList) -> str:
            return where.namespace or found.current

        ask = partial(self.kfwd.client.namespaces, context.name, context.kubeconfig)
        title = f"Namespaces of {context.name}"
        self.app.push_screen(Pick(Choices(title, ask, browsing.namespace_items, first)), go)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in OF_OBJECT:
            return self.is_mounted and bool(self.subject or self.marks)
        if action == "routes":
            return self.is_mounted and self.subject is not None
        if action == "namespaces":
            return self.where is not None
        return super().check_action(action, parameters)

    def action_mark(self) -> None:
        view = self.subject
        if view is None:
            return
        if not drafts.can_be_forwarded(view):
            self.kfwd.say(f"{view.name} cannot be forwarded", hint=view.note)
        elif self.marks.pop(view.key, None) is None:
            self.marks[view.key] = view
        self.table.action_move(1)
        self._draw()

    def action_forward(self) -> None:
        picked = list(self.marks.values()) or [view for view in (self.subject,) if view]
        taken = drafts.local_numbers(self.picture.entries.values())
        found = drafts.of_objects(picked, taken)
        if not found or self.where is None:
            self.kfwd.say("this cannot be forwarded", hint=picked[0].note if picked else "")
            return
        current = next((c.name for c in self._known() if c.current), None)
        context = self.where.context
        place = Place(context=context.name, kubeconfig=context.kubeconfig, current=current)
        self.app.push_screen(Forward(place, found), self._forwarding)

    async def action_routes(self) -> None:
        view, where = self.subject, self.where
        if view is not None and where is not None:
            about = About(
                target=view.target or f"{view.kind}/{view.name}",
                namespace=view.namespace,
                context=where.context.name,
                kubeconfig=where.context.kubeconfig,
                names={str(port.number): port.name for port in view.ports if port.name},
            )
            await self.app.push_screen(Routes(about))

    def _known(self) -> Sequence[ContextItem]:
        return self._contexts.contexts if self._contexts else ()

    def _forwarding(self, done: bool | None) -> None:
        if done:
            self.marks = {}
            self.renew()

    def action_find(self) -> None:
        self.query_one(Find).open()

    @on(Find.Asked)
    def _asked(self, event: Find.Asked) -> None:
        """The cursor stays on its object while that is shown, else it goes to the first."""
        before, self._find = self.table.key, event.text
        self._list()
        if self.table.key != before:
            self._to_first()

    @on(Find.Left)
    def _left(self) -> None:
        self.table.focus()

    def action_all(self) -> None:
        """First what hides things goes, then this screen."""
        if not self._find and not self.marks and not self.query_one(Find).has_focus:
            self.app.pop_screen()
            return
        self.marks = {}
        self.query_one(Find).close()
        self.table.focus()
        self._list()

    @on(LineTable.Moved)
    def _show_about(self) -> None:
        self.query_one("#about", Line).show()

    def _lines(self) -> Iterator[Item]:
        if self._trouble is not None:
            yield remark(self._trouble.text, "bad")
            if self._trouble.hint:
                yield remark(self._trouble.hint)
        for section in self.shelf.sections(self._find):
            yield Item("", partial(object_lines.heading, section), pickable=False)
            for view in section.shown:
                yield Item(view.key, partial(self._row, view))
        self._typed = self._target_typed()
        if self._typed is not None:
            yield Item(self._typed.key, partial(self._row, self._typed))
        elif self._find and self.shelf.objects and not any(self.shelf.sections(self._find)):
            yield remark(f"nothing here with {self._find.strip()}")
        for problem in browsing.unread(self.shelf.problems):
            yield remark(problem, "warn")
        if self.shelf.complete and not self.shelf.objects and not self.shelf.problems:
            other, away = self.kfwd.key("namespaces", "n"), self.kfwd.key("contexts", "c")
            yield remark(
                f"nothing to forward here - {other} shows the namespaces, {away} the contexts"
            )
        if self.shelf.problems and not self._find:
            yield remark("what you may use without listing it: / and its name, as pod/web-0")

    def _target_typed(self) -> ObjectView | None:
        if self.where is None or self.where.everywhere:
            return None
        known = self.shelf.objects.values()
        return browsing.typed(self._find, self.where.namespace or "", known)

    def _row(self, view: ObjectView, cells: int) -> Pieces:
        everywhere = self.where is not None and self.where.everywhere
        marked = view.key in self.marks
        return object_lines.row(
            view, self._entries(view), cells, marked=marked, everywhere=everywhere
        )

    def _entries(self, view: ObjectView) -> Sequence[EntryView]:
        return self._forwarded.get((view.namespace, view.target or ""), ())

    def _trail(self, cells: int) -> Pieces:
        if self.where is None:
            return ()
        where = self.where
        place = "all namespaces" if where.everywhere else where.namespace or "its own namespace"
        left = (Piece(f" {where.context.name} ▸ ", "dim"), Piece(place, "title"))
        return spread(left, (Piece(self._progress(), "dim"),), cells)

    def _progress(self) -> str:
        facts = [f"{len(self.marks)} marked"] if self.marks else []
        facts += [f"filter: {self._find}"] if self._find else []
        count = len(self.shelf.objects)
        facts += [f"{count} objects" if self.shelf.complete else f"reading … {count}"]
        return " · ".join(facts) + " "

    def _about(self, cells: int) -> Pieces:
        view = self.subject
        said = object_lines.about(view, self._entries(view)) if view else ""
        return (Piece(shorten(f" {said}", cells), "dim"),)
