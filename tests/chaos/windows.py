"""What each kind of fault may do to a connection, and when faults were at work. Pure.

The one place that says what is allowed. A fault that is not listed as cutting may cut nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from msgspec import Struct

from tests.chaos.schedule import Kind

CERT, TOKEN = "cert", "token"
"""The two ways in: a client certificate, and a token that expires."""


class Effect(Struct, frozen=True, kw_only=True):
    """`cuts`: open connections may be reset. `ends`: they may also end like an end (protocol notes
    L.6). `blocks`: new bytes may have to wait. `refuses`: nothing listens. `tail_s`: how long
    after its end the fault may still be the reason. `token_only`: the certificate is not touched.
    """

    cuts: bool = False
    ends: bool = False
    blocks: bool = False
    refuses: bool = False
    token_only: bool = False
    tail_s: float = 1.5


EFFECTS: dict[Kind, Effect] = {
    Kind.FREEZE_SESSIONS: Effect(blocks=True),
    Kind.FREEZE_ALL: Effect(blocks=True),
    Kind.API_DOWN: Effect(cuts=True, blocks=True),
    Kind.TOKEN: Effect(blocks=True, token_only=True),
    Kind.RESTART: Effect(cuts=True, blocks=True),
    Kind.KILL: Effect(cuts=True, blocks=True, refuses=True),
    Kind.SLEEP: Effect(blocks=True),
    Kind.POD_DELETE: Effect(cuts=True, ends=True),
    Kind.ROLLOUT: Effect(cuts=True, ends=True),
    Kind.CUT_EOF: Effect(cuts=True),
    Kind.CUT_RESET: Effect(cuts=True),
    # Through a tunnel the loss is seen at the next message, a PING at the latest (D.6).
    Kind.CUT_BACKEND: Effect(cuts=True, tail_s=7.0),
}
NONE = Effect()


class Window(Struct):
    """A fault at work, from `begin` to `end` in seconds; `end` is infinite while it is."""

    kind: Kind
    begin: float
    end: float = math.inf

    @property
    def effect(self) -> Effect:
        return EFFECTS.get(self.kind, NONE)

    def may_explain(self, since: float, until: float) -> bool:
        """Whether it was at work, or only just over, at some time between the two."""
        return self.begin <= until and since <= self.end + self.effect.tail_s


def reason(
    windows: Iterable[Window], effect: str, way: str, since: float, until: float
) -> Kind | None:
    """The latest fault with this effect (`cuts`, `ends`, `refuses`) between the two times."""
    found = [
        window
        for window in windows
        if getattr(window.effect, effect)
        and (way == TOKEN or not window.effect.token_only)
        and window.may_explain(since, until)
    ]
    return max(found, key=lambda window: window.begin).kind if found else None


def clear_s(windows: Iterable[Window], way: str, since: float, until: float) -> float:
    """How many of the seconds between the two the way was free."""
    blocked = (
        (max(window.begin, since), min(window.end, until))
        for window in windows
        if window.effect.blocks and (way == TOKEN or not window.effect.token_only)
    )
    return until - since - covered_s(blocked)


def uncut_s(windows: Iterable[Window], since: float, until: float) -> float:
    """How many of the seconds between the two no fault could have been a reason for a cut."""
    cut = (
        (max(w.begin, since), min(w.end + w.effect.tail_s, until)) for w in windows if w.effect.cuts
    )
    return until - since - covered_s(cut)


def covered_s(spans: Iterable[tuple[float, float]]) -> float:
    """The length of what at least one of these spans covers."""
    return sum(end - begin for begin, end in _merged(spans))


def _merged(spans: Iterable[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    reached = -math.inf
    for begin, end in sorted(spans):
        if end > max(begin, reached):
            yield max(begin, reached), end
            reached = end
