"""Bodies of the control API about what happened, and about how much of the time entries served."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

UNKNOWN = "unknown"


class HistoryItem(Struct, frozen=True, kw_only=True):
    """One thing that happened: a stable kebab-case `code`, and words.

    `about` is an entry id, or `context NAME` for what happened to a context or its sessions. After
    an entry's `UNKNOWN` nothing is known of it until its next state.
    """

    at: datetime
    code: str
    text: str
    about: str = ""


class History(Struct, frozen=True, kw_only=True):
    """What happened, oldest first: the newest, or all since a time, 10 000 at most."""

    history: tuple[HistoryItem, ...] = ()


class Window(Struct, frozen=True, kw_only=True):
    """The last `hours`: the share of the `counted_s` seconds in which an entry served, 0 to 1.

    Counted is the time in which the daemon ran, the machine was awake and the entry not paused.
    """

    hours: int
    share: float | None
    counted_s: float


class Availability(Struct, frozen=True, kw_only=True):
    id: str
    windows: tuple[Window, ...]


class AvailabilityList(Struct, frozen=True, kw_only=True):
    """How much of the time each entry was `ready` or `degraded`, over a day and over 30."""

    availability: tuple[Availability, ...] = ()
