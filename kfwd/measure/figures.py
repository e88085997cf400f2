"""Figures that were measured on both sides, run by run: medians, ratios and a table. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from msgspec import Struct

COLUMNS = ("what", "unit", "kfwd", "kubectl", "ratio", "goal")


class Result(Struct, frozen=True, kw_only=True):
    """A figure: medians of both sides and of the ratios pair by pair; `spread` is (most - least)
    / median of ours. `higher` is better, or lower. `goal` is `>= 1.1` or the like, of the ratio
    where there is one, else of our figure; empty for none."""

    what: str
    unit: str
    kfwd: float
    kubectl: float | None
    ratio: float | None
    goal: str
    spread: float
    higher: bool

    @property
    def good(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        sign, _, limit = self.goal.partition(" ")
        value = self.kfwd if self.ratio is None else self.ratio
        if not limit:
            return None
        found = {
            ">=": value >= float(limit),
            "<=": value <= float(limit),
            "<": value < float(limit),
        }
        return found[sign]


class Figure:
    """One figure measured on both sides, run by run.

    A goal that begins with `>` means that more is better.
    """

    def __init__(self, what: str, unit: str, goal: str = "", *, higher: bool = False) -> None:
        self.what, self.unit, self.goal = what, unit, goal
        self._higher = higher or goal.startswith(">")
        self._kfwd: list[float] = []
        self._kubectl: list[float] = []

    def add(self, kfwd: float, kubectl: float | None = None) -> None:
        """One run of ours and, in a pair, one of kubectl's."""
        self._kfwd.append(kfwd)
        if kubectl is not None:
            self._kubectl.append(kubectl)

    @property
    def measured(self) -> bool:
        """Whether there was a run."""
        return bool(self._kfwd)

    @property
    def result(self) -> Result:
        """What came of all runs; there must have been one."""
        ours = statistics.median(self._kfwd)
        paired = zip(self._kfwd, self._kubectl, strict=False)
        ratios = [a / b for a, b in paired if b]
        return Result(
            what=self.what,
            unit=self.unit,
            kfwd=ours,
            kubectl=statistics.median(self._kubectl) if self._kubectl else None,
            ratio=statistics.median(ratios) if ratios else None,
            goal=self.goal,
            spread=(max(self._kfwd) - min(self._kfwd)) / ours if ours else 0.0,
            higher=self._higher,
        )


def verdict(found: Iterable[Result]) -> list[str]:
    """In words, a sentence for each figure with both sides: who is ahead, by how much."""
    return [_sentence(each) for each in found if each.ratio is not None]


def _sentence(found: Result) -> str:
    assert found.ratio is not None
    times = found.ratio if found.higher else 1 / found.ratio if found.ratio else float("inf")
    if 0.95 <= times <= 1.05:
        return f"{found.what}: no difference that counts"
    better = "higher" if found.higher else "lower"
    ahead, factor = ("kfwd", times) if times > 1 else ("kubectl", 1 / times)
    return f"{found.what}: {ahead} is ahead, {number(factor)} times {better}"


def rows(found: Iterable[Result]) -> list[tuple[str, ...]]:
    """The cells of a table below `COLUMNS`."""
    return [
        (
            each.what,
            each.unit,
            number(each.kfwd),
            "-" if each.kubectl is None else number(each.kubectl),
            "-" if each.ratio is None else f"{each.ratio:.2f}",
            each.goal,
        )
        for each in found
    ]


def number(value: float) -> str:
    """Three digits that count, never with an exponent."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def quantile(values: Sequence[float], part: float) -> float:
    """The value that `part` of all are below; 0.5 is the median."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
