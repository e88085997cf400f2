"""The objects of a namespace as the daemon's pages tell of them, in sections, filtered. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from kfwd.api_model import ObjectPort, ObjectsPage, ObjectView

SECTIONS = ("services", "workloads", "ingresses", "pods")
_SECTION_OF = {"service": "services", "ingress": "ingresses", "pod": "pods"}


class Section(Struct, frozen=True, kw_only=True):
    """Those of the `all` objects of a kind that are shown."""

    title: str
    shown: tuple[ObjectView, ...]
    all: int


class Shelf:
    """`complete`: everything has been told once. `problems`: why kinds cannot be read."""

    def __init__(self) -> None:
        self.objects: dict[str, ObjectView] = {}
        self.complete = False
        self.problems: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._sorted: dict[str, list[ObjectView]] | None = None

    def take(self, page: ObjectsPage) -> None:
        for view in page.objects:
            self.objects[view.key] = view
            self._texts[view.key] = _text(view)
        for key in page.removed:
            self.objects.pop(key, None)
            self._texts.pop(key, None)
        if page.complete or page.problems:
            self.problems = page.problems
        self.complete = self.complete or page.complete
        self._sorted = None

    def sections(self, find: str) -> list[Section]:
        """What has every word of `find` in it; sections without anything to show are left out."""
        words = find.casefold().split()
        found = ((title, self._in_order()[title]) for title in SECTIONS)
        sections = [
            Section(title=title, shown=tuple(self._with(words, views)), all=len(views))
            for title, views in found
        ]
        return [section for section in sections if section.shown]

    def _with(self, words: Sequence[str], views: list[ObjectView]) -> list[ObjectView]:
        if not words:
            return views
        texts = self._texts
        return [view for view in views if all(word in texts[view.key] for word in words)]

    def _in_order(self) -> dict[str, list[ObjectView]]:
        if self._sorted is None:
            self._sorted = {title: [] for title in SECTIONS}
            for view in self.objects.values():
                self._sorted[_SECTION_OF.get(view.kind, "workloads")].append(view)
            for views in self._sorted.values():
                views.sort(key=lambda view: (view.namespace, view.name, view.kind))
        return self._sorted


def _text(view: ObjectView) -> str:
    """What a filter looks in."""
    ports = " ".join(f"{port.name} {port.number} {port.target}" for port in view.ports)
    facts = (view.kind, view.target or "", view.namespace, view.name, ports, view.note)
    return " ".join(facts).casefold()


def ports(found: Sequence[ObjectPort]) -> str:
    """`http 80 → 8080, grpc 9090`."""
    return ", ".join(_port(port) for port in found)


def _port(port: ObjectPort) -> str:
    named = f"{port.name} {port.number}" if port.name else str(port.number)
    inner = f" → {port.target}" if port.target not in ("", port.name) else ""
    other = "" if port.protocol == "TCP" else f"/{port.protocol}"
    return named + other + inner
