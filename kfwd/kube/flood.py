"""Whether bytes come so fast, and unasked, that a moment's rest gathers many of them. Pure.

Who reads faster than the other side writes is woken for every few bytes, and waking costs more than
they do. A rest would be felt in a dialogue, so bytes count only as long as nothing is said to the
other side, and only where they come faster than `RATE`.
"""

from __future__ import annotations

RATE = 50e6
"""Bytes a second below which nothing is gathered."""

ENOUGH = 16 * 1024 * 1024
"""Bytes beyond that rate from which on it is a flood: an answer of such a size takes so long that
its last bytes may come a millisecond later."""

EBB_S = 0.02
"""How long it is still taken for one when it has become slow."""


class Flood:
    """Told what comes and what is said."""

    def __init__(self) -> None:
        self._level = 0.0
        self._at = 0.0

    def came(self, count: int, now: float) -> bool:
        """So many bytes came: whether more of them are soon to come."""
        left = max(0.0, self._level - (now - self._at) * RATE)
        self._level = min(left + count, ENOUGH + EBB_S * RATE)
        self._at = now
        return self._level > ENOUGH

    def answered(self) -> None:
        """Something was said to the other side: what comes next may be waited for."""
        self._level = 0.0
