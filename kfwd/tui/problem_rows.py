"""Problems as lines: each once, what it holds up, since when, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
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
    held: dict[str, list[str]] = {}
    for entry in picture.entries.values():
        if entry.problem is not None and entry.problem.cause not in (None, entry.id):
            held.setdefault(entry.problem.cause or "", []).append(entry.id)
    profiles = {profile.name for profile in picture.profiles}
    return [_case(picture, problem, held.get(problem.about, ()), profiles) for problem in found]


def _case(
    picture: Picture, problem: ProblemView, held: Iterable[str], profiles: Collection[str]
) -> Case:
    entry = picture.entries.get(problem.about)
    context = entry.context if entry else problem.about
    return Case(
        problem=problem,
        kind=_kind(picture, problem.about, profiles),
        held=tuple(sorted({*held, *problem.also})),
        login=context if login.needed(picture, context) else None,
    )


def _kind(picture: Picture, about: str, profiles: Collection[str]) -> Kind:
    if about in picture.entries:
        return "entry"
    if picture.context(about) is not None:
        return "context"
    return "profile" if about in profiles else "daemon"


def lines(
    case: Case, now: datetime, cells: int, *, without: str = "", login_key: str = "L"
) -> Iterator[Pieces]:
    """What it is about, what is wrong (`without` what is before the names of files), what to do."""
    problem = case.problem
    glyph, tone = SEVERITIES[problem.severity]
    about = clean(problem.about)
    name = f"{case.kind} {about}" if case.kind in ("context", "profile") else about
    too = " too" if case.kind == "entry" else ""
    held = f"holds up {count(len(case.held), 'entry', 'entries')}{too} · " if case.held else ""
    facts = Piece(f"{held}{words.span(problem.since, now)} ", "dim")
    left = (Piece(f" {glyph} ", tone), Piece(name, "title"))
    yield spread(left, (facts,), cells)
    yield from _body(problem.text.replace(without, ""), _fix(case, login_key), tone, cells)


@lru_cache(maxsize=1024)
def _body(text: str, fix: str, tone: Tone, cells: int) -> tuple[Pieces, ...]:
    """Wrapped once: the screen is drawn several times a second."""
    found = [paragraph("", line, tone, INDENT, cells) for line in text.splitlines()]
    if fix:
        found.append(paragraph("→ ", fix, "plain", INDENT, cells))
    return tuple(line for lines in found for line in lines)


def _fix(case: Case, key: str) -> str:
    hint = case.problem.hint or ""
    if case.login is None:
        return hint
    return f"{key} logs in, or {hint}" if hint else f"{key} logs in"
