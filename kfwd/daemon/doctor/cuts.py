"""A limit on the way to an API server, recognised by the sessions it has cut. Pure.

A limit is a ceiling: no session is older, or longer silent, than it allows, and several that were
cut at different times were as old, or as long silent, as that.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from kfwd.daemon.doctor.walk import Told
from kfwd.daemon.history_file import DAYS, Cut
from kfwd.tunnel.liveness import GIVEN_UP

NEWEST = 50
TIMES = 3
"""How often a limit must have shown itself."""

TOLERANCE, TOLERANCE_S = 0.02, 1.0
LEAST_S = 3.0
"""Nobody sets a limit below that."""

APART_S = 5.0
"""Sessions that are cut within these seconds were cut at once, by one cause."""


def told(cuts: Sequence[Cut]) -> Told:
    """What the cuts of one context, oldest first, say about the way there."""
    # After silence kfwd itself gives up, always after the same time.
    ours = [cut for cut in cuts if cut.reason != GIVEN_UP][-NEWEST:]
    age = ceiling([(cut.at.timestamp(), cut.age_s) for cut in ours])
    idle = ceiling([(cut.at.timestamp(), cut.idle_s) for cut in ours])
    if age is not None and (idle is None or age > 1.5 * idle):
        return _of_age(age)
    if idle is not None:
        return _of_silence(idle)
    if not cuts:
        return Told(text="no session was cut")
    return Told(text=f"sessions cut in the last {DAYS} days: {len(cuts)}, by no limit that shows")


def ceiling(seen: Sequence[tuple[float, float]]) -> float | None:
    """The limit that (time of a cut, seconds) show, if they show one."""
    highest = max((seconds for _, seconds in seen), default=0.0)
    near = highest - max(TOLERANCE_S, TOLERANCE * highest)
    times = sorted(at for at, seconds in seen if seconds >= near)
    apart = 1 + sum(later - earlier > APART_S for earlier, later in pairwise(times))
    return highest if times and apart >= TIMES and highest >= LEAST_S else None


def _of_age(age: float) -> Told:
    return Told(
        state="warning",
        text=f"connections are cut when they are {_span(age)} old: the limit of a load balancer "
        "or proxy on the way",
        hint="raise its limit on a connection's age; a new session is opened by itself, but "
        "connections on the one that is cut end",
        code="age-limit",
    )


def _of_silence(idle: float) -> Told:
    return Told(
        state="warning",
        text=f"connections are cut after {_span(idle)} without bytes: the idle limit of a load "
        "balancer, proxy or firewall on the way",
        hint="raise its idle time-out above 60 s; sessions at rest carry something every 30 s",
        code="idle-limit",
    )


def _span(seconds: float) -> str:
    """`20 s`, `5 min`, `3.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f}".removesuffix(".0") + " h"
