"""The tables and the last line of a run. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from tests.chaos import windows as rules
from tests.chaos.ledger import Outcome, Result, Verdict, judge, percentile, recoveries
from tests.chaos.windows import Span, Window

SHOWN = 20
NEAR_S = 3.0


class Report(Struct, frozen=True, kw_only=True):
    """`span` is when it began and ended, `slow` when the daemon took long to answer; `wrong`,
    `hung`, `refused` and `lost` say each case in a line, and a good run has none.
    """

    seed: int
    span: tuple[float, float]
    windows: Sequence[Window]
    outcomes: Sequence[Outcome]
    wrong: Sequence[str]
    hung: Sequence[str]
    refused: Sequence[str]
    lost: Sequence[str]
    slow: Sequence[Span] = ()
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
        verdicts = [(o, *judge(o, self.windows, self.slow)) for o in self.outcomes]
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
        yield f"{rules.covered_s(self.slow):.1f} s in which the daemon was slow to answer"
        yield from self.usage

    def _cases(self) -> Iterable[str]:
        for window in [] if self.good else self.windows:
            yield window.told(self.span[0])
        for name in ("wrong", "hung", "refused", "lost"):
            cases = getattr(self, name)
            yield from (f"{name}: {case}" for case in cases[:SHOWN])
            if len(cases) > SHOWN:
                yield f"{name}: and {len(cases) - SHOWN} more"


def verdicts(
    outcomes: Iterable[Outcome],
    windows: Sequence[Window],
    slow: Sequence[Span] = (),
    zero: float = 0.0,
) -> dict[Verdict, list[str]]:
    """Each connection in words with the faults near its end, times from `zero` on, by verdict."""
    found: dict[Verdict, list[str]] = {verdict: [] for verdict in Verdict}
    for outcome in outcomes:
        near = [
            window.told(zero)
            for window in windows
            if window.begin <= outcome.end + NEAR_S and outcome.alive - NEAR_S <= window.end
        ]
        words = f"{outcome.told(zero)}; near it {', '.join(near) or 'no fault'}"
        found[judge(outcome, windows, slow)[0]].append(words)
    return found


def unseen_or_repeated(done: Iterable[str], seen: Counter[str]) -> list[str]:
    """Requests that reached a pod more than once; and those answered that no pod logged, which
    would mean that nobody counts."""
    repeated = [f"{name} was sent {times} times" for name, times in seen.items() if times > 1]
    return [*repeated, *(f"{name} was answered and not logged" for name in done if not seen[name])]
