"""Problems as lines: each once, what it holds up, since when, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct

from kfwd.model import ProblemView
from kfwd.text import clean
from kfwd.tui import login, words
from kfwd.tui.picture import Picture
from kfwd.tui.pieces import Piece, Pieces, Tone, paragraph, spread
from kfwd.tui.status_line import count

INDENT = 5
SEVERITIES: Mapping[str, tuple[str, Tone]] = {
    "error": ("✖", "bad"),
    "warning": ("◐", "warn"),
    "info": ("·", "dim"),
}
Kind = Literal["entry", "context", "profile", "daemon"]


class Case(Struct, frozen=True, kw_only=True):
    """A problem; `held` are the ids of the entries that it holds up beside its own.

    `login` is the context that waits for one.
    """

    problem: ProblemView
    kind: Kind
    held: tuple[str, ...] = ()
    login: str | None = None

    @property
    def key(self) -> str:
        return f"{self.problem.about} {self.problem.code}"

    @property
    def entry(self) -> str | None:
        """The entry to go to: its own, or the first that it holds up."""
        return self.problem.about if self.kind == "entry" else next(iter(self.held), None)


def cases(picture: Picture) -> list[Case]:
    """The worst first, else in the daemon's order."""
    order = list(SEVERITIES)
    found = sorted(picture.problems, key=lambda problem: order.index(problem.severity))
    return [_case(picture, problem) for problem in found]


def _case(picture: Picture, problem: ProblemView) -> Case:
    kind = _kind(picture, problem.about)
    entry = picture.entries.get(problem.about)
    context = entry.context if entry else problem.about
    held = (
        each.id
        for each in picture.entries.values()
        if each.problem is not None and each.problem.cause == problem.about
    )
    return Case(
        problem=problem,
        kind=kind,
        held=tuple(sorted(id for id in held if id != problem.about)),
        login=context if login.needed(picture, context) else None,
    )


def _kind(picture: Picture, about: str) -> Kind:
    if about in picture.entries:
        return "entry"
    if picture.context(about) is not None:
        return "context"
    if any(profile.name == about for profile in picture.profiles):
        return "profile"
    return "daemon"


def lines(case: Case, now: datetime, cells: int, *, without: str = "") -> Iterator[Pieces]:
    """What it is about, what is wrong (`without` what is before the names of files), what to do."""
    problem = case.problem
    glyph, tone = SEVERITIES[problem.severity]
    about = clean(problem.about)
    name = f"{case.kind} {about}" if case.kind in ("context", "profile") else about
    held = f"holds up {count(len(case.held), 'entry', 'entries')} · " if case.held else ""
    facts = Piece(f"{held}{words.span(problem.since, now)} ", "dim")
    left = (Piece(f" {glyph} ", tone), Piece(name, "title"))
    yield spread(left, (facts,), cells)
    for line in problem.text.replace(without, "").splitlines():
        yield from paragraph("", line, tone, INDENT, cells)
    if hint := _fix(case):
        yield from paragraph("→ ", hint, "plain", INDENT, cells)


def _fix(case: Case) -> str:
    hint = case.problem.hint or ""
    if case.login is None:
        return hint
    return f"L logs in, or {hint}" if hint else "L logs in"
