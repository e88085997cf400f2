"""States, rates, times and keys as people read them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache

from kfwd.model import ContextState, ContextView, State
from kfwd.text import clean
from kfwd.tui.pieces import Piece, Tone

STATES: Mapping[State, tuple[str, Tone]] = {
    State.READY: ("●", "good"),
    State.DEGRADED: ("◐", "warn"),
    State.WAITING: ("◌", "warn"),
    State.STARTING: ("…", "dim"),
    State.PAUSED: ("‖", "dim"),
    State.FAILED: ("✖", "bad"),
    State.STOPPING: ("…", "dim"),
}
CONTEXTS: Mapping[ContextState, tuple[str, Tone]] = {
    ContextState.OK: ("●", "good"),
    ContextState.UNREACHABLE: ("✖", "bad"),
    ContextState.LOGIN_NEEDED: ("◐", "warn"),
    ContextState.FORBIDDEN: ("◐", "warn"),
    ContextState.UNKNOWN: ("◌", "dim"),
}
CONNECTIONS: Mapping[str, Piece] = {
    "open": Piece("●", "good"),
    "waiting": Piece("◌", "warn"),
    "closing": Piece("…", "dim"),
}
UNITS = ("B", "kB", "MB", "GB", "TB")
BARS = "▁▂▃▄▅▆▇█"


@cache
def state(of: State) -> Piece:
    """`● ready`."""
    glyph, tone = STATES[of]
    return Piece(f"{glyph} {of.value}", tone)


def amount(count: float) -> str:
    """`0 B`, `22 kB`, `8.1 MB`: at most 6 characters."""
    for unit in UNITS:
        if count < 999.5 or unit == UNITS[-1]:
            break
        count /= 1000
    return f"{count:.1f} {unit}" if count < 9.95 and unit != "B" else f"{count:.0f} {unit}"


def rate(per_second: float) -> str:
    """`8.1 MB/s`; nothing moving is `0 B/s`."""
    return f"{amount(per_second)}/s"


def latency(ms: float) -> str:
    return f"{ms:.1f} ms" if ms < 9.95 else f"{ms:.0f} ms"


def span(since: datetime, until: datetime) -> str:
    """The largest unit alone: `5s`, `12m`, `4h`, `3d`."""
    seconds = max(0, int((until - since).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def spark(history: Sequence[float], cells: int) -> str:
    """The newest `cells` samples as bars; the highest of them all is the full height."""
    highest = max(history, default=0.0)
    shown = list(history[-cells:])
    shown = [0.0] * (cells - len(shown)) + shown
    if highest <= 0:
        return BARS[0] * cells
    top = len(BARS) - 1
    return "".join(BARS[0 if v <= 0 else max(1, round(v / highest * top))] for v in shown)


def plot(history: Sequence[float], cells: int, rows: int) -> list[str]:
    """The newest samples as columns over so many rows, from the top; each spans the width evenly
    where there are more cells than samples.
    """
    wide = max(1, cells // len(history)) if history else 1
    shown = [value for value in history[-(cells // wide) :] for _ in range(wide)]
    shown = [0.0] * (cells - len(shown)) + shown
    highest, top = max(history, default=0.0), rows * len(BARS)
    heights = [0 if v <= 0 else max(1, round(v / highest * top)) for v in shown]
    return [
        "".join(_bar(height - row * len(BARS), row) for height in heights)
        for row in reversed(range(rows))
    ]


def _bar(height: int, row: int) -> str:
    """One cell of a column that is `height` eighths high there; the base is always seen."""
    if height <= 0:
        return BARS[0] if row == 0 else " "
    return BARS[min(height, len(BARS)) - 1]


def contexts(of: Sequence[ContextView], now: datetime) -> Iterator[Piece]:
    """`  ● dev · 3.1 ms · login 7h left`; of several only `  ● dev  ✖ prod · unreachable`."""
    for each in of:
        glyph, tone = CONTEXTS[each.state]
        facts = [clean(each.name)]
        if each.state is not ContextState.OK:
            facts.append(each.state.value.replace("-", " "))
        if len(of) == 1:
            facts += _measured(each, now)
        yield from (Piece(f"  {glyph} ", tone), Piece(" · ".join(facts), "dim"))


def _measured(of: ContextView, now: datetime) -> Iterator[str]:
    if of.state is ContextState.OK and of.latency_ms is not None:
        yield latency(of.latency_ms)
    if of.login_expires is not None:
        left = of.login_expires > now
        yield f"login {span(now, of.login_expires)} left" if left else "login expired"
