"""What a reflector does next: a table. Pure (protocol notes I; client-go tools/cache/reflector.go).

A reflector goes in rounds: it lists, then it watches for as long as that lasts, then it watches
again. Where rules forbid one of these it looks at single objects, or lists, every few seconds.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from kfwd.errors import ApiError, Forbidden, KfwdError, ProtocolError

GONE = 410
PATIENCE = 3
"""Failures in a row that a server may answer a watch with before everything is listed again."""


class Phase(StrEnum):
    LIST = "list"
    WATCH = "watch"
    GET = "get"


class Outcome(StrEnum):
    """How a round ended."""

    DONE = "done"
    """A list or an object was read; a watch came to its end as it should."""
    SHORT = "short"
    """A watch ended at once without an event."""
    EXPIRED = "expired"
    """410: what happened since the last event is no longer known."""
    FORBIDDEN = "forbidden"
    TOLD = "told"
    """The server says when to come again."""
    REFUSED = "refused"
    """The server answered with another error, or with nonsense."""
    FAILED = "failed"
    """No answer, or a cut connection."""


Wait = Literal["none", "back-off", "told", "poll", "rules"]


class Next(Struct, frozen=True):
    """`poll` waits for the next look, `rules` until RBAC may have changed."""

    phase: Phase
    wait: Wait = "none"


def outcome_of(error: KfwdError) -> Outcome:
    if isinstance(error, Forbidden):
        return Outcome.FORBIDDEN
    if isinstance(error, ProtocolError):
        return Outcome.REFUSED
    if not isinstance(error, ApiError):
        return Outcome.FAILED
    if error.status == GONE:
        return Outcome.EXPIRED
    return Outcome.REFUSED if error.retry_after_s is None else Outcome.TOLD


def after(
    phase: Phase, outcome: Outcome, *, one: bool = False, watchable: bool = True, failures: int = 0
) -> Next:
    """The next round.

    `one`: the reflector follows a single object, which may be got without being listed.
    `watchable`: no watch was forbidden lately. `failures`: how many rounds in a row failed.
    """
    if outcome is Outcome.TOLD:
        return Next(phase, "told")
    if outcome is Outcome.FORBIDDEN:
        return _forbidden(phase, one)
    if phase is Phase.WATCH:
        return _after_watch(outcome, failures)
    if outcome is not Outcome.DONE:
        return Next(phase, "back-off")
    if phase is Phase.LIST and watchable:
        return Next(Phase.WATCH)
    return Next(phase, "poll")


def _after_watch(outcome: Outcome, failures: int) -> Next:
    if outcome is Outcome.DONE:
        return Next(Phase.WATCH)
    weary = outcome is Outcome.REFUSED and failures >= PATIENCE
    if outcome is Outcome.EXPIRED or weary:
        return Next(Phase.LIST, "back-off")
    return Next(Phase.WATCH, "back-off")


def _forbidden(phase: Phase, one: bool) -> Next:
    if one and phase is not Phase.GET:
        return Next(Phase.GET)
    if phase is Phase.WATCH:
        return Next(Phase.LIST, "poll")
    return Next(phase, "rules")
