"""The first line of every screen: the daemon's state in numbers. Pure."""

from __future__ import annotations

from collections import Counter

from kfwd.model import State
from kfwd.tui import words
from kfwd.tui.picture import Picture
from kfwd.tui.pieces import Piece, Pieces, Tone, spread, width

SHOWN = (State.READY, State.DEGRADED, State.WAITING, State.STARTING, State.PAUSED, State.FAILED)
WORDS = {State.READY: "up"}


def status(picture: Picture, title: str, cells: int) -> Pieces:
    """`kfwd  2 contexts  14 up · 1 waiting          ↓ 12 MB/s  ↑ 310 kB/s   ! 2 problems`.

    How many there are in which state is the last to be given up where there is little room.
    """
    name = (Piece(" kfwd", "title"), Piece(f"  {title}" if title else "", "plain"))
    right = _numbers(picture)
    if not picture.known:
        return spread(name, right, cells)
    used = len(picture.contexts)
    contexts = Piece(f"   {count(used, 'context')}" if used else "", "dim")
    states, shapes = _states(picture, in_words=True), _states(picture, in_words=False)
    lefts: list[Pieces] = [(*name, contexts, *states), (*name, *states), (*name, *shapes)]
    fitting = (left for left in lefts if width(left) + width(right) < cells)
    return spread(next(fitting, lefts[-1]), right, cells)


def count(number: int, noun: str, several: str = "") -> str:
    """`1 context`, `2 contexts`."""
    return f"{number} {noun if number == 1 else several or f'{noun}s'}"


def _states(picture: Picture, *, in_words: bool) -> Pieces:
    """How many entries are in which state; where words have no room, by its shape."""
    counts = Counter(entry.state for entry in picture.entries.values())
    pieces: list[Piece] = []
    for state in SHOWN:
        if counts[state]:
            shape, tone = words.STATES[state]
            said = f"{counts[state]} {WORDS.get(state, state.value)}"
            between = " · " if in_words else "  "
            pieces += [Piece(between if pieces else "   ", "dim")]
            pieces.append(Piece(said if in_words else f"{shape} {counts[state]}", tone))
    return tuple(pieces)


def _numbers(picture: Picture) -> Pieces:
    if not picture.known:
        return ()
    total, found = picture.total, len(picture.problems)
    rates = f"↓ {words.rate(total.down):>8}  ↑ {words.rate(total.up):>8}"
    moving: Tone = "plain" if total.down or total.up else "dim"
    problems = Piece("no problems ", "dim")
    if found:
        problems = Piece(f"! {count(found, 'problem')} ", "warn")
    return (Piece(rates, moving), Piece("   "), problems)
