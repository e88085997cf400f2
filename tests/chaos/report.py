"""The tables and the last line of a run. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from tests.chaos import windows as rules
from tests.chaos.ledger import Outcome, Result, Verdict, judge, percentile, recoveries
from tests.chaos.windows import Window

SHOWN = 20


class Report(Struct, frozen=True, kw_only=True):
    """`span` is when it began and ended; `wrong`, `hung`, `refused` and `lost` say each case in a
    line, and a good run has none.
    """

    seed: int
    span: tuple[float, float]
    windows: Sequence[Window]
    outcomes: Sequence[Outcome]
    wrong: Sequence[str]
    hung: Sequence[str]
    refused: Sequence[str]
    lost: Sequence[str]
    usage: Sequence[str] = ()

    @property
    def good(self) -> bool:
        return not (self.wrong or self.hung or self.refused or self.lost)

    def __str__(self) -> str:
        return "\n".join([*self._tables(), *self._cases(), self.last_line()])

    def last_line(self) -> str:
        took = sorted(seconds for _, seconds in recoveries(self.outcomes, self.windows))
        p50, p99, most = (percentile(took, share) for share in (0.5, 0.99, 1.0))
        checked = sum(outcome.received for outcome in self.outcomes)
        return (
            f"chaos: {len(self.windows)} faults, {len(self.outcomes)} connections, "
            f"{checked} bytes checked, {len(self.wrong)} wrong, {len(self.hung)} hung, "
            f"{len(self.refused)} refused, {len(self.lost)} lost; "
            f"recovery p50 {p50:.2f} p99 {p99:.2f} max {most:.2f} s; seed {self.seed}"
        )

    def _tables(self) -> Iterable[str]:
        verdicts = [(o, *judge(o, self.windows)) for o in self.outcomes]
        excused = Counter(why for _, verdict, why in verdicts if verdict is Verdict.ALLOWED)
        faults = Counter(window.kind for window in self.windows)
        took = recoveries(self.outcomes, self.windows)
        yield f"{'fault':<22}{'times':>8}{'cut':>8}{'back after':>13}"
        for kind in sorted(faults):
            longest = max((seconds for of, seconds in took if of is kind), default=None)
            shown = "" if longest is None else f"{longest:>11.2f} s"
            yield f"{kind:<22}{faults[kind]:>8}{excused[kind]:>8}{shown}"
        columns = (Result.DONE, Result.EARLY, Result.RESET, Result.REFUSED)
        yield ""
        yield f"{'client':<22}" + "".join(f"{column:>13}" for column in columns) + f"{'MB':>8}"
        for client in sorted({o.client for o in self.outcomes}):
            of = [o for o in self.outcomes if o.client == client]
            ends = Counter(o.result for o in of)
            megabytes = sum(o.received for o in of) / 1e6
            row = "".join(f"{ends[column]:>13}" for column in columns)
            yield f"{client:<22}{row}{megabytes:>8.1f}"
        yield ""
        strict, whole = rules.uncut_s(self.windows, *self.span), self.span[1] - self.span[0]
        yield f"{strict:.1f} of {whole:.1f} s in which no cut was allowed"
        yield from self.usage

    def _cases(self) -> Iterable[str]:
        for window in [] if self.good else self.windows:
            yield f"{window.begin:.2f}..{window.end:.2f} s: {window.kind}"
        for name in ("wrong", "hung", "refused", "lost"):
            cases = getattr(self, name)
            yield from (f"{name}: {case}" for case in cases[:SHOWN])
            if len(cases) > SHOWN:
                yield f"{name}: and {len(cases) - SHOWN} more"


def verdicts(outcomes: Iterable[Outcome], windows: Sequence[Window]) -> dict[Verdict, list[str]]:
    """What is not allowed, in words, by kind."""
    found: dict[Verdict, list[str]] = {verdict: [] for verdict in Verdict}
    for outcome in outcomes:
        found[judge(outcome, windows)[0]].append(str(outcome))
    return found


def unseen_or_repeated(done: Iterable[str], seen: Counter[str]) -> list[str]:
    """Requests that reached a pod more than once; and those answered that no pod logged, which
    would mean that nobody counts."""
    repeated = [f"{name} was sent {times} times" for name, times in seen.items() if times > 1]
    return [*repeated, *(f"{name} was answered and not logged" for name in done if not seen[name])]
