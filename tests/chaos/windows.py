"""What each kind of fault may do to a connection, and when faults were at work. Pure.

The one place that says what is allowed. A fault that is not listed as cutting may cut nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from tests.chaos.schedule import Kind

CERT, TOKEN = "cert", "token"
"""The two ways in: a client certificate, and a token that expires."""


Span = tuple[float, float]


class Effect(Struct, frozen=True, kw_only=True):
    """`cuts`: open connections may be reset. `ends`: they may also end like an end (protocol notes
    L.6). `blocks`: new bytes may have to wait. `refuses`: nothing listens. `tail_s`: for how many
    seconds in which bytes flow a cut may be on its way after the end of its fault; a refusal never
    is, since the window of what refuses ends when every port accepts. `token_only`: the certificate
    is not touched.
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

    def told(self, zero: float) -> str:
        """In words, with times from `zero` on."""
        return f"{self.begin - zero:.2f}..{self.end - zero:.2f} s: {self.kind}"


def reason(
    windows: Sequence[Window],
    effect: str,
    way: str,
    since: float,
    until: float,
    *,
    slow: Sequence[Span] = (),
) -> Kind | None:
    """The latest fault with this effect (`cuts`, `ends`, `refuses`) at work between the two times,
    or only just over. Spans in which everything was `slow` do not count for that.
    """
    for window in sorted(windows, key=lambda window: window.begin, reverse=True):
        named = getattr(window.effect, effect) and (way == TOKEN or not window.effect.token_only)
        if not named or window.begin > until:
            continue
        tail = 0.0 if effect == "refuses" else window.effect.tail_s
        late = since - window.end
        if late <= tail or (tail and clear_s(windows, way, window.end, since, slow) <= tail):
            return window.kind
    return None


def clear_s(
    windows: Iterable[Window], way: str, since: float, until: float, slow: Iterable[Span] = ()
) -> float:
    """How many of the seconds between the two the way was free."""
    blocked = (
        (window.begin, window.end)
        for window in windows
        if window.effect.blocks and (way == TOKEN or not window.effect.token_only)
    )
    spans = ((max(begin, since), min(end, until)) for begin, end in (*blocked, *slow))
    return until - since - covered_s(spans)


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
