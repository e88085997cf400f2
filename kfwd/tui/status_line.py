"""The first line of every screen: the daemon's state in numbers. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from kfwd.model import EntryView, State
from kfwd.tui import words
from kfwd.tui.picture import Picture
from kfwd.tui.pieces import Piece, Pieces, Tone, spread

SHOWN = (State.READY, State.DEGRADED, State.WAITING, State.STARTING, State.PAUSED, State.FAILED)
WORDS = {State.READY: "up"}


def status(picture: Picture, title: str, cells: int) -> Pieces:
    """`kfwd  2 contexts  14 up · 1 waiting          ↓ 12 MB/s  ↑ 310 kB/s   ! 2 problems`."""
    left = [Piece(" kfwd", "title"), Piece(f"  {title}" if title else "", "plain")]
    if picture.known:
        left += [Piece(f"   {count(len(picture.contexts), 'context')}   ", "dim")]
        left += _states(picture.entries.values())
    return spread(tuple(left), _numbers(picture), cells)


def count(number: int, noun: str, several: str = "") -> str:
    """`1 context`, `2 contexts`."""
    return f"{number} {noun if number == 1 else several or f'{noun}s'}"


def _states(entries: Iterable[EntryView]) -> list[Piece]:
    counts = Counter(entry.state for entry in entries)
    pieces: list[Piece] = []
    for state in SHOWN:
        if counts[state]:
            tone = words.STATES[state][1]
            pieces += [Piece(" · ", "dim")] if pieces else []
            pieces.append(Piece(f"{counts[state]} {WORDS.get(state, state.value)}", tone))
    return pieces


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
