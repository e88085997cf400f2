"""Which transport is tried first in a context, and when a better one is tried again. Pure.

Rules of this file (design section 4, rule 8). What worked is tried first and remembered. What would
be better and was refused is tried again after a day, or after an hour where the refusal may have
been the moment's: a server error, or no answer. After a minute, if it had worked until then: a
kubelet that restarts may refuse one and take the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from kfwd.errors import UpgradeFailed
from kfwd.model import Problem

TRANSPORTS = ("spdy", "websocket", "channels")
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
WORDS_MAX = 200


class Known(Struct, frozen=True, kw_only=True):
    """What works in a context, `since` when, and why nothing better: `reason`, empty for the best.

    `again` is when those that are better are tried next.
    """

    transport: str
    since: datetime
    again: datetime | None = None
    reason: str = ""


def read(text: str, context: str) -> tuple[str, ...]:
    """The transports that a person allows in a context, all if `text` says nothing of it.

    `websocket,channels`: these, in that order; `prod=spdy`: in the context prod. Several such words
    are separated by `;`, the last that fits counts. Raises `ValueError` for anything else.
    """
    allowed: tuple[str, ...] = TRANSPORTS
    for word in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, listed = word.rpartition("=")
        named = tuple(each.strip() for each in listed.split(",") if each.strip())
        if not named or not set(named) <= set(TRANSPORTS):
            raise ValueError(f'"{word}" names no transports; there are {", ".join(TRANSPORTS)}')
        if not equals or name.strip() == context:
            allowed = tuple(dict.fromkeys(named))
    return allowed


def still(allowed: Sequence[str], known: Known | None) -> Known | None:
    """What is known of those that are allowed now."""
    if known is None or known.transport not in allowed:
        return None
    if better(allowed, known):
        return known
    return Known(transport=known.transport, since=known.since)


def order(allowed: Sequence[str], known: Known | None) -> list[str]:
    """The order to try them in: what is known to work first."""
    return sorted(allowed, key=lambda each: known is None or each != known.transport)


def better(allowed: Sequence[str], known: Known) -> Sequence[str]:
    """Those that come before what is known to work."""
    return allowed[: allowed.index(known.transport)]


def due(allowed: Sequence[str], known: Known, now: datetime) -> bool:
    """Whether a better one is to be tried again."""
    return bool(better(allowed, known)) and (known.again is None or known.again <= now)


def put_off(known: Known, now: datetime) -> Known:
    """A better one is being tried."""
    return msgspec.structs.replace(known, again=now + HOUR)


def learned(
    allowed: Sequence[str],
    before: Known | None,
    transport: str,
    refusals: Mapping[str, UpgradeFailed],
    now: datetime,
) -> Known:
    """What is known once `transport` worked and others, by name, were refused."""
    same = before is not None and before.transport == transport
    known = before if same and before else Known(transport=transport, since=now)
    told = {each: refusals[each] for each in better(allowed, known) if each in refusals}
    if not told:
        return known
    reason = "; ".join(f"{each}: {_words(refusal)}" for each, refusal in told.items())
    worked = before is not None and before.transport in told
    return msgspec.structs.replace(known, again=now + _pause(told, worked=worked), reason=reason)


def _pause(told: Mapping[str, UpgradeFailed], *, worked: bool) -> timedelta:
    """How long what was refused is left alone."""
    if all(400 <= refusal.status < 500 for refusal in told.values()):
        return DAY
    return MINUTE if worked else HOUR


def _words(refusal: UpgradeFailed) -> str:
    words = " ".join(refusal.text.split())[:WORDS_MAX]
    return f"{refusal.status} {words}" if refusal.status else words


def problem(known: Known | None) -> Problem | None:
    """That something better was refused, as data."""
    if known is None or not known.reason:
        return None
    return Problem(
        code="transport-refused",
        severity="info",
        text=f"connections go over {known.transport}, since a better way is refused"
        f" ({known.reason})",
        hint="something before the API server refuses it, or the server is old;"
        " it is tried again every day",
        since=known.since,
    )
