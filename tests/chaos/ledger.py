"""What became of every connection, and whether that is allowed. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

from msgspec import Struct

from tests.chaos import windows as rules
from tests.chaos.schedule import Kind
from tests.chaos.windows import Span, Window

HANG_S = 15.0
"""Longest silence on a way that is free."""


class Result(StrEnum):
    """How a connection ended, as its client saw it."""

    DONE = "done"
    EARLY = "ended early"
    RESET = "reset"
    REFUSED = "refused"
    WRONG = "wrong"
    HUNG = "hung"


class Outcome(Struct, frozen=True, kw_only=True):
    """One connection. Times in seconds; at `alive` it had not ended yet."""

    number: int
    client: str
    way: str
    port: int
    begin: float
    alive: float
    end: float
    first_byte: float | None
    received: int
    result: Result
    detail: str = ""

    def told(self, zero: float) -> str:
        """In words, with times from `zero` on: its begin, when it was still alive, its end."""
        times = "..".join(f"{time - zero:.2f}" for time in (self.begin, self.alive, self.end))
        return (
            f"{self.result}: {self.client} {self.number} by {self.way} on port {self.port}, "
            f"{times} s, {self.received} bytes: {self.detail}"
        )


class Verdict(StrEnum):
    GOOD = "good"
    ALLOWED = "allowed"
    WRONG = "wrong"
    HUNG = "hung"
    REFUSED = "refused"


_NEEDS = {Result.RESET: "cuts", Result.EARLY: "ends", Result.REFUSED: "refuses"}
_ELSE = {
    Result.DONE: Verdict.GOOD,
    Result.HUNG: Verdict.HUNG,
    Result.REFUSED: Verdict.REFUSED,
}


def judge(
    outcome: Outcome, windows: Sequence[Window], slow: Sequence[Span] = ()
) -> tuple[Verdict, Kind | None]:
    """The verdict, and the fault that excuses what is allowed. `slow` is when all took long."""
    if effect := _NEEDS.get(outcome.result):
        between = outcome.alive, outcome.end
        why = rules.reason(windows, effect, outcome.way, *between, slow=slow)
        if why is not None:
            return Verdict.ALLOWED, why
    return _ELSE.get(outcome.result, Verdict.WRONG), None


_REQUEST = re.compile(r"^(?:GET (/once/\d+)|(source \d+)|(counted \d+))\b")


def requests(log: Iterable[str]) -> Counter[str]:
    """How often each numbered request reached a pod, by what the pods logged."""
    found = (_REQUEST.match(line) for line in log)
    return Counter(next(filter(None, match.groups())) for match in found if match)


def recoveries(outcomes: Sequence[Outcome], windows: Sequence[Window]) -> list[tuple[Kind, float]]:
    """For each fault that takes a way, and each way it takes: the seconds from its end to the
    first byte on a connection that had none before, without those of other faults that block.
    """
    ways = (rules.CERT, rules.TOKEN)
    firsts = {
        way: sorted(o.first_byte for o in outcomes if o.way == way and o.first_byte is not None)
        for way in ways
    }
    return [
        (window.kind, rules.clear_s(windows, way, window.end, first))
        for window in windows
        if window.effect.blocks or window.effect.cuts
        for way in (ways if not window.effect.token_only else (rules.TOKEN,))
        if (first := _after(firsts[way], window.end)) is not None
    ]


def _after(times: Sequence[float], moment: float) -> float | None:
    return next((time for time in times if time >= moment), None)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` of the ordered ones do not exceed; 0 of none."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
