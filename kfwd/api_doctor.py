"""Bodies of the control API about health: what an entry needs, each thing on its own."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct, field

from kfwd.model import utcnow

Part = Literal["listener", "context", "pod", "session", "backend"]
PartState = Literal["ok", "warning", "broken", "unknown", "unused"]


class Fact(Struct, frozen=True, kw_only=True):
    """One thing that an entry needs, whatever is wrong with the others.

    `listener`: the local socket. `context`: the API server and the login there. `pod`: something
    ready that the target stands for. `session`: the way to it. `backend`: a process that takes
    connections there, as the last one showed.

    `warning`: it works, but something is odd. `unknown`: not tried yet, or not to be told while
    another thing is broken. `unused`: this entry does without. `since` is when that became so.
    `code` and `hint` are a problem's. `latency_ms` is a round trip where one was measured: to the
    API server (`context`), over a session and back (`session`).
    """

    part: Part
    state: PartState
    text: str
    since: datetime = field(default_factory=utcnow)
    code: str | None = None
    hint: str | None = None
    latency_ms: float | None = None


class Hops(Struct, frozen=True, kw_only=True):
    """The facts about an entry, from this machine to the process in the pod."""

    id: str
    facts: tuple[Fact, ...]
