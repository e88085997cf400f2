"""The states of an entry over the last hour, from its history. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from kfwd.api_history import UNKNOWN, HistoryItem
from kfwd.model import State
from kfwd.text import age, clean, clock, share
from kfwd.tui import words
from kfwd.tui.outline import WORST
from kfwd.tui.pieces import Piece, Pieces

SPAN = timedelta(hours=1)
SHADES: Mapping[State | None, str] = {
    State.READY: "█",
    State.DEGRADED: "▓",
    State.WAITING: "▒",
    State.FAILED: "x",
    State.STARTING: "·",
    State.STOPPING: "·",
    State.PAUSED: "-",
    None: " ",
}
SERVING = (State.READY, State.DEGRADED)
UNCOUNTED = (None, State.PAUSED, State.STOPPING)
"""Nobody wanted it then, or no daemon was there."""

AWAY = (State.WAITING, State.FAILED)
TELLING = (State.FAILED, State.DEGRADED, State.WAITING, State.PAUSED)
STATES: Mapping[str, State | None] = {**{state.value: state for state in State}, UNKNOWN: None}


class Stretch(Struct, frozen=True):
    """A time in one state, and why; `state` None: nothing is known of it."""

    state: State | None
    begin: datetime
    end: datetime
    text: str = ""

    @property
    def seconds(self) -> float:
        return (self.end - self.begin).total_seconds()


def stretches(history: Sequence[HistoryItem], now: datetime) -> tuple[Stretch, ...]:
    """The last hour without a gap, oldest first; `history` is oldest first too."""
    begin = now - SPAN
    found = [Stretch(None, begin, now)]
    for item in history:
        if item.code not in STATES:
            continue
        last = found.pop()
        at = min(max(item.at, last.begin), now)
        if last.begin < at:
            found.append(Stretch(last.state, last.begin, at, last.text))
        found.append(Stretch(STATES[item.code], at, now, item.text))
    return tuple(found)


def bar(of: Sequence[Stretch], cells: int) -> Pieces:
    """The hour in so many cells; each shows the worst that was in it, however short.

    The last one shows what is now, too.
    """
    if not of or cells < 1:
        return ()
    begin, step = of[0].begin, (of[-1].end - of[0].begin) / cells
    pieces: list[Piece] = []
    for cell in range(cells):
        inside = _inside(of, begin + cell * step, begin + (cell + 1) * step)
        if cell == cells - 1:
            inside.add(of[-1].state)
        state = next((state for state in WORST if state in inside), None)
        tone = words.STATES[state][1] if state else "dim"
        pieces.append(Piece(SHADES[state], tone))
    return tuple(_joined(pieces))


def summary(of: Sequence[Stretch]) -> Pieces:
    """`99.87 % served`, and the last time that it was away: for how long, when, why."""
    known = [each for each in of if each.state not in UNCOUNTED]
    seconds = sum(each.seconds for each in known)
    served = sum(each.seconds for each in known if each.state in SERVING)
    said = [Piece(f"{share(served / seconds)} served", "dim")] if seconds else []
    away = [each for each in of if each.state in AWAY]
    if away:
        last = away[-1]
        assert last.state is not None
        time = f"{age(last.begin, last.end)} {last.state.value} at {clock(last.begin)}"
        said += [Piece(f"{' · ' if said else ''}{time}: {clean(last.text)}", "dim")]
    return tuple(said)


def legend(of: Sequence[Stretch]) -> Pieces:
    """The shapes in the bar that tell of something, and their words."""
    seen = {each.state for each in of}
    return tuple(
        Piece(f"{SHADES[state]} {state.value}  ", words.STATES[state][1])
        for state in TELLING
        if state in seen
    )


def _inside(of: Sequence[Stretch], begin: datetime, end: datetime) -> set[State | None]:
    return {each.state for each in of if each.begin < end and each.end > begin}


def _joined(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Neighbours of one tone as one piece."""
    text, tone = pieces[0]
    for piece in pieces[1:]:
        if piece.tone == tone:
            text += piece.text
        else:
            yield Piece(text, tone)
            text, tone = piece
    yield Piece(text, tone)
