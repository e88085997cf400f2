"""A walk of the hops as lines: each as it is walked, then what was found. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from kfwd.api_doctor import AnyDoctorEvent, Diagnosis, Finding, HopState, HopWalked
from kfwd.text import clean
from kfwd.tui import words
from kfwd.tui.pieces import Piece, Pieces, Tone, cut, paragraph, spread, wrap

STATES: Mapping[HopState, tuple[str, Tone]] = {
    "running": ("…", "busy"),
    "ok": ("●", "good"),
    "warning": ("◐", "warn"),
    "broken": ("✖", "bad"),
    "skipped": ("-", "dim"),
}
SEVERITIES: Mapping[str, tuple[str, Tone]] = {"error": ("✖", "bad"), "warning": ("◐", "warn")}
STATE, HOP = 10, 12
INDENT = 5
MARGIN = "   "
FOUND = "found"


class Seen(NamedTuple):
    """A line on the screen; those of one `key` belong together, and the first can be picked."""

    key: str
    pieces: Pieces
    first: bool = False


class Walk:
    """The hops walked so far, each as it is known last."""

    def __init__(self) -> None:
        self.hops: dict[tuple[str, str], HopWalked] = {}
        self.diagnosis: Diagnosis | None = None

    def take(self, events: Sequence[AnyDoctorEvent]) -> None:
        for event in events:
            if isinstance(event, Diagnosis):
                self.diagnosis = event
            else:
                self.hops[event.about, event.hop] = event

    @property
    def here(self) -> str | None:
        """The key of what to look at: the hop that is walked now, then what was found first."""
        if self.diagnosis is not None:
            return f"{FOUND} 0"
        return next((f"{about} {hop}" for about, hop in reversed(self.hops)), None)


def lines(walk: Walk, cells: int) -> Iterator[Seen]:
    """Hops below what they lead to; at the end each cause with its fix."""
    about = None
    for step in walk.hops.values():
        if step.about != about:
            about = step.about
            yield Seen("", cut((Piece(f" {clean(about)}", "title"),), cells))
        yield from _step(step, cells)
    if walk.diagnosis is not None:
        yield Seen("", ())
        yield from _diagnosis(walk.diagnosis, cells)


def _step(step: HopWalked, cells: int) -> Iterator[Seen]:
    glyph, tone = STATES[step.state]
    key = f"{step.about} {step.hop}"
    latency = words.latency(step.latency_ms) + " " if step.latency_ms is not None else ""
    hop = f"{step.hop:<{HOP}}"
    head = (Piece(f"{MARGIN}{glyph} {step.state:<{STATE}}", tone), Piece(hop))
    at = len(MARGIN) + 2 + STATE + HOP
    said = wrap(step.text, max(16, cells - at - len(latency) - 1)) or [""]
    quiet: Tone = "dim" if step.state in ("skipped", "running") else "plain"
    yield Seen(key, spread((*head, Piece(said[0], quiet)), (Piece(latency, "dim"),), cells), True)
    for more in said[1:]:
        yield Seen(key, cut((Piece(" " * at + more, quiet),), cells))


def _diagnosis(diagnosis: Diagnosis, cells: int) -> Iterator[Seen]:
    if diagnosis.well:
        yield Seen(f"{FOUND} 0", cut((Piece(" all is well", "good"),), cells), True)
    for number, finding in enumerate(diagnosis.findings):
        for place, pieces in enumerate(_finding(finding, cells)):
            yield Seen(f"{FOUND} {number}", pieces, place == 0)


def _finding(finding: Finding, cells: int) -> Iterator[Pieces]:
    glyph, tone = SEVERITIES[finding.severity]
    title = Piece(f"{clean(finding.about)}, {finding.hop}", "title")
    yield cut((Piece(f" {glyph} ", tone), title), cells)
    yield from paragraph("", finding.text, tone, INDENT, cells)
    if finding.hint:
        yield from paragraph("→ ", finding.hint, "plain", INDENT, cells)
    if finding.also:
        yield from paragraph("", f"holds up {', '.join(finding.also)} too", "dim", INDENT, cells)
