"""What was measured, and what it may be at most."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from msgspec import Struct


class Figure(Struct, frozen=True):
    """How long something took each time, in seconds, or how often something happened."""

    what: str
    found: tuple[float, ...]
    limit: float
    unit: str = " s"

    @property
    def good(self) -> bool:
        return bool(self.found) and max(self.found) <= self.limit

    def __str__(self) -> str:
        middle, most = (f"{value:.1f}" for value in (median(self.found), max(self.found)))
        numbers = f"median {middle:>5}{self.unit}   max {most:>5}{self.unit}"
        mark = "ok" if self.good else "EXCEEDED"
        return f"{self.what:<56} {numbers}   limit {self.limit:g}{self.unit}   {mark}"


def summary(figures: Sequence[Figure]) -> str:
    """The last line."""
    bad = [figure.what for figure in figures if not figure.good]
    end = f": {'; '.join(bad)}" if bad else ""
    return f"frozen: {len(figures)} figures, {len(bad)} exceeded{end}"
