"""The overview's columns: which there are at a width, and the row of an entry. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import accumulate, pairwise

from msgspec import Struct

from kfwd.model import EntryView
from kfwd.text import clean, listening
from kfwd.tui import words
from kfwd.tui.picture import Rates
from kfwd.tui.pieces import Piece, Pieces, Tone, fit, shorten, spread

MARGIN = 3
GAP = " "
NOTHING = "-"


class Facts(Struct, frozen=True):
    """What a row is made of."""

    entry: EntryView
    rates: Rates
    now: datetime


class Column(Struct, frozen=True, kw_only=True):
    """`least` cells, and of what is left a share of `weight`; shown from a table width `since`."""

    title: str
    least: int
    cell: Callable[[Facts, int], Piece]
    weight: int = 0
    right: bool = False
    since: int = 0


def _name(facts: Facts, cells: int) -> Piece:
    return Piece(facts.entry.name, "title")


def _state(facts: Facts, cells: int) -> Piece:
    return words.state(facts.entry.state)


def _local(facts: Facts, cells: int) -> Piece:
    shown = [listening(port.listen) for port in facts.entry.ports]
    first = shown[0] if shown else NOTHING
    more = f" +{len(shown) - 1}" if len(shown) > 1 else ""
    return Piece(shorten(first, cells - len(more)) + more)


def _target(facts: Facts, cells: int) -> Piece:
    entry = facts.entry
    if entry.target is None:
        return Piece("the cluster" if entry.kind == "gateway" else "API server")
    remote = entry.ports[0].remote if len(entry.ports) == 1 else None
    return Piece(f"{entry.target}:{remote}" if remote else entry.target)


def _pod(facts: Facts, cells: int) -> Piece:
    labels = [endpoint.label for endpoint in facts.entry.endpoints]
    more = f" +{len(labels) - 1}" if len(labels) > 1 else ""
    shown = shorten(labels[0], cells - len(more)) + more if labels else NOTHING
    return Piece(shown, "plain" if labels else "dim")


def _via(facts: Facts, cells: int) -> Piece:
    parts = [part for part in (facts.entry.via, facts.entry.transport) if part]
    return Piece("/".join(parts) or NOTHING, "dim")


def _connections(facts: Facts, cells: int) -> Piece:
    has = facts.entry.connections
    if has.waiting:
        return Piece(f"{has.open}+{has.waiting}◌", "warn")
    return Piece(str(has.open), "plain" if has.open else "dim")


def _spark(facts: Facts, cells: int) -> Piece:
    moving = any(facts.rates.history)
    return Piece(words.spark(facts.rates.history, cells), "accent" if moving else "dim")


def _down(facts: Facts, cells: int) -> Piece:
    return _rate(facts.rates.down)


def _up(facts: Facts, cells: int) -> Piece:
    return _rate(facts.rates.up)


def _rate(rate: float) -> Piece:
    return Piece(words.rate(rate), "plain") if rate >= 0.5 else Piece(NOTHING, "dim")


def _reconnects(facts: Facts, cells: int) -> Piece:
    return Piece(str(facts.entry.reconnects), "plain" if facts.entry.reconnects else "dim")


def _age(facts: Facts, cells: int) -> Piece:
    return Piece(words.span(facts.entry.since, facts.now), "dim")


def _namespace(facts: Facts, cells: int) -> Piece:
    return Piece(facts.entry.namespace or NOTHING, "dim")


COLUMNS = (
    Column(title="NAME", least=12, weight=3, cell=_name),
    Column(title="STATE", least=10, cell=_state),
    Column(title="LOCAL", least=16, weight=2, cell=_local),
    Column(title="TARGET", least=14, weight=3, cell=_target),
    Column(title="NAMESPACE", least=12, weight=1, cell=_namespace, since=150),
    Column(title="POD", least=14, weight=3, cell=_pod, since=114),
    Column(title="VIA", least=16, cell=_via, since=150),
    Column(title="CONNS", least=5, right=True, cell=_connections),
    Column(title="", least=4, weight=1, cell=_spark, since=114),
    Column(title="DOWN", least=8, right=True, cell=_down),
    Column(title="UP", least=8, right=True, cell=_up, since=100),
    Column(title="↻", least=4, right=True, cell=_reconnects, since=114),
    Column(title="AGE", least=4, right=True, cell=_age, since=100),
)


@lru_cache(maxsize=32)
def layout(cells: int) -> tuple[tuple[Column, int], ...]:
    """The columns of a table `cells` wide and their widths; they depend on nothing else."""
    shown = [column for column in COLUMNS if column.since <= cells]
    left = cells - MARGIN - sum(column.least for column in shown) - len(GAP) * len(shown)
    shares = sum(column.weight for column in shown) or 1
    ends = [max(0, left) * sofar // shares for sofar in accumulate(c.weight for c in shown)]
    extra = (end - begin for begin, end in pairwise((0, *ends)))
    return tuple((c, c.least + more) for c, more in zip(shown, extra, strict=True))


def heading(cells: int) -> Pieces:
    return (Piece(" " * MARGIN), *_cells([_titled(column) for column, _ in layout(cells)], cells))


def _titled(column: Column) -> Piece:
    return Piece(column.title, "dim")


def row(facts: Facts, cells: int) -> Pieces:
    """A line of the table."""
    found = [column.cell(facts, size) for column, size in layout(cells)]
    return (Piece(" " * MARGIN), *_cells(found, cells))


def _cells(found: Sequence[Piece], cells: int) -> Pieces:
    sized = zip(layout(cells), found, strict=True)
    return tuple(
        Piece(fit(piece.text, size, right=column.right) + GAP, piece.tone)
        for (column, size), piece in sized
    )


def problem(entry: EntryView, cells: int, *, login: bool = False) -> Pieces:
    """The line below a row that something is wrong with; at its end the key, where one mends it."""
    if entry.problem is None:
        return ()
    tone: Tone = "bad" if entry.problem.severity == "error" else "warn"
    said = (Piece(" " * (MARGIN + 2)), Piece(f"└ {clean(entry.problem.text)}", tone))
    way = (Piece("L", "accent"), Piece(" logs in ", "dim")) if login else (Piece(" "),)
    return spread(said, way, cells)
