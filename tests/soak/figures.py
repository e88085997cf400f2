"""What a soak measured, and the bound of each number."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct


class Figure(Struct, frozen=True, kw_only=True):
    """A number and the least or the most that it may be."""

    name: str
    value: float
    unit: str = ""
    least: float | None = None
    most: float | None = None

    @property
    def good(self) -> bool:
        low = self.least is None or self.value >= self.least
        return low and (self.most is None or self.value <= self.most)

    def __str__(self) -> str:
        bounds = [f"at least {self.least:g}"] if self.least is not None else []
        bounds += [f"at most {self.most:g}"] if self.most is not None else []
        mark = "" if self.good else "   EXCEEDED"
        number = f"{self.value:.2f}".rstrip("0").rstrip(".")
        return f"{self.name:<62} {f'{number} {self.unit}':>16}   {', '.join(bounds)}{mark}"


def summary(figures: Sequence[Figure]) -> str:
    """The last line."""
    bad = [figure.name for figure in figures if not figure.good]
    end = f": {'; '.join(bad)}" if bad else ""
    return f"soak: {len(figures)} figures, {len(bad)} exceeded{end}"
