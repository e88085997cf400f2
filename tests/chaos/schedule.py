"""Which faults come when, from a seed. Pure.

Two decks are dealt side by side. The faults of one follow each other, since each owns a switch of
the cluster or the daemon's process; those of the other come whenever they like. A deck is dealt to
its end before it is shuffled again, so that even a short run has every kind.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from enum import StrEnum

from msgspec import Struct


class Kind(StrEnum):
    LATENCY = "latency"
    FREEZE_SESSIONS = "sessions frozen"
    FREEZE_ALL = "API server frozen"
    API_DOWN = "API server restart"
    BAN = "transport banned"
    TOKEN = "token expired"
    RESTART = "daemon restart"
    KILL = "daemon SIGKILL"
    SLEEP = "daemon asleep"
    POD_DELETE = "pods deleted"
    UNREADY = "readiness flip"
    ROLLOUT = "rolling restart"
    CUT_EOF = "sessions ended"
    CUT_RESET = "sessions reset"
    CUT_BACKEND = "node lost"
    COMPACT = "watch history lost"
    WATCH_GONE = "watches end with 410"
    TOO_MANY = "429s"
    EDIT = "profile edit"


class Event(Struct, frozen=True):
    """At `at` seconds `kind` begins and lasts `lasts` seconds; `pick` decides its details."""

    at: float
    kind: Kind
    lasts: float
    pick: int


Span = tuple[float, float]

EXCLUSIVE: dict[Kind, Span] = {
    Kind.LATENCY: (1.0, 3.0),
    Kind.FREEZE_SESSIONS: (1.0, 5.0),
    Kind.FREEZE_ALL: (1.0, 4.0),
    Kind.API_DOWN: (0.5, 3.0),
    Kind.BAN: (1.5, 4.0),
    Kind.TOKEN: (0.0, 2.0),
    Kind.RESTART: (0.0, 0.0),
    Kind.KILL: (0.0, 1.0),
    Kind.SLEEP: (0.5, 3.0),
}
"""Kinds of which one is at work at a time, and how many seconds each lasts."""

FREE: dict[Kind, Span] = {
    Kind.POD_DELETE: (0.0, 0.0),
    Kind.UNREADY: (0.5, 3.0),
    Kind.ROLLOUT: (0.0, 0.0),
    Kind.CUT_EOF: (0.0, 0.0),
    Kind.CUT_RESET: (0.0, 0.0),
    Kind.CUT_BACKEND: (0.0, 0.0),
    Kind.COMPACT: (0.0, 0.0),
    Kind.WATCH_GONE: (0.1, 1.0),
    Kind.TOO_MANY: (0.0, 0.0),
    Kind.EDIT: (0.3, 1.0),
}
"""Kinds that come on top of each other and of the others."""

EXCLUSIVE_GAP: Span = (0.3, 1.3)
FREE_GAP: Span = (0.8, 3.2)


def deal(seed: int, seconds: float) -> list[Event]:
    """The events of a run, in the order of their times."""
    rng = random.Random(seed)
    lanes = (_lane(rng, EXCLUSIVE, EXCLUSIVE_GAP, seconds), _lane(rng, FREE, FREE_GAP, seconds))
    return sorted((event for lane in lanes for event in lane), key=lambda event: event.at)


def _lane(
    rng: random.Random, kinds: dict[Kind, Span], gap: Span, seconds: float
) -> Iterator[Event]:
    exclusive = kinds is EXCLUSIVE
    now = rng.uniform(*gap)
    for kind in _cards(rng, list(kinds)):
        lasts = rng.uniform(*kinds[kind])
        if now + lasts > seconds:
            return
        yield Event(now, kind, lasts, rng.getrandbits(32))
        now += rng.uniform(*gap) + (lasts if exclusive else 0.0)


def _cards(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Kind]:
    while True:
        yield from rng.sample(kinds, len(kinds))
