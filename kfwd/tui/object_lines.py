"""How objects of a cluster look in a list. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kfwd.api_model import ObjectView
from kfwd.model import EntryView
from kfwd.profiles.forwards import plain
from kfwd.text import clean, listening
from kfwd.tui import shelf, words
from kfwd.tui.pieces import Piece, Pieces, Tone, fit, shorten, width
from kfwd.tui.shelf import Section

READY = 10
REST = 17
GAP = "  "

Forwarded = Mapping[tuple[str, str], Sequence[EntryView]]
"""Entries by the namespace and the target that they lead to."""


def forwarded(entries: Iterable[EntryView], context: str) -> Forwarded:
    """The entries in a context that have a target."""
    found: dict[tuple[str, str], list[EntryView]] = {}
    for entry in entries:
        if entry.context == context and entry.target is not None:
            found.setdefault((entry.namespace, plain(entry.target)), []).append(entry)
    return found


def heading(section: Section, cells: int) -> Pieces:
    """`services  3 of 12`."""
    shown = len(section.shown)
    count = str(shown) if shown == section.all else f"{shown} of {section.all}"
    return (Piece(shorten(f"   {section.title}", cells), "title"), Piece(f"  {count}", "dim"))


def row(
    view: ObjectView, entries: Sequence[EntryView], cells: int, *, marked: bool, everywhere: bool
) -> Pieces:
    """Mark, readiness, name, ports, and what is forwarded or else to be known about it."""
    left = cells - 5 - READY - 3 * len(GAP)
    rest = max(REST, left * 2 // 7)
    name = (left - rest) * 4 // 7
    ports = left - rest - name
    glyph, tone, ready = _readiness(view)
    begin = (
        Piece(" ✓ " if marked else "   ", "accent"),
        Piece(f"{glyph} ", tone),
        Piece(fit(_name(view, everywhere), name) + GAP),
    )
    if view.kind == "ingress":
        return (*begin, Piece(shorten(view.note, cells - width(begin)), "dim"))
    return (
        *begin,
        Piece(fit(shelf.ports(view.ports), ports) + GAP, "dim"),
        Piece(fit(ready, READY) + GAP, "dim" if tone == "good" else tone),
        *_rest(view, entries, rest),
    )


def about(view: ObjectView, entries: Iterable[EntryView]) -> str:
    """All that is known, on one line."""
    facts = [f"{view.kind} {view.namespace}/{view.name}", shelf.ports(view.ports), view.note]
    facts += [f"{_local(entry)} {entry.state.value}" for entry in entries]
    return clean(" · ".join(fact for fact in facts if fact))


def _name(view: ObjectView, everywhere: bool) -> str:
    name = view.name if view.kind in ("service", "ingress", "pod") else view.target or view.name
    return f"{view.namespace}/{name}" if everywhere else name


def _readiness(view: ObjectView) -> tuple[str, Tone, str]:
    if view.total is None or view.ready is None:
        return " ", "dim", ""
    if view.kind == "pod":
        return ("●", "good", "ready") if view.ready else ("◌", "warn", "not ready")
    if view.ready == view.total:
        return ("●", "good", f"{view.ready} ready") if view.total else ("◌", "warn", "no pods")
    return ("◐" if view.ready else "◌", "warn", f"{view.ready} of {view.total}")


def _rest(view: ObjectView, entries: Sequence[EntryView], cells: int) -> Pieces:
    if not entries:
        return (Piece(shorten(view.note, cells), "dim"),)
    glyph, tone = words.STATES[entries[0].state]
    more = f" +{len(entries) - 1}" if len(entries) > 1 else ""
    return (Piece(shorten(f"{glyph} {_local(entries[0])}{more}", cells), tone),)


def _local(entry: EntryView) -> str:
    listens = [listening(port.listen) for port in entry.ports if port.listen]
    more = f" +{len(listens) - 1}" if len(listens) > 1 else ""
    return (listens[0] if listens else entry.name) + more
