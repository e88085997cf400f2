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


Hop = Literal[
    "kubeconfig",
    "dns",
    "tcp",
    "proxy",
    "tls",
    "login",
    "api",
    "cuts",
    "rbac",
    "pod",
    "port",
    "transport",
    "local-port",
]
HopState = Literal["running", "ok", "warning", "broken", "skipped"]


class DoctorQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `entry` and its context; else one `context`; else every context in use and every entry
    with a problem, or the current context where nothing is in use.

    `kubeconfig` holds the caller's absolute paths in merge order, `path` is the caller's PATH.
    """

    entry: str | None = None
    context: str | None = None
    kubeconfig: tuple[str, ...] = ()
    path: str | None = None


class DoctorEvent(Struct, tag_field="type", tag=str.lower, frozen=True, kw_only=True):
    pass


class HopWalked(DoctorEvent, tag="hop", frozen=True, kw_only=True):
    """A hop that is being walked (`running`), and then what came of it.

    `about` is a context's name, whose hops are `kubeconfig` to `cuts`, or an entry's id, whose are
    `rbac` to `local-port`. What lies behind a hop that is broken is `skipped`, and so is what this
    way does without.
    """

    about: str
    hop: Hop
    state: HopState
    text: str = ""
    code: str | None = None
    hint: str | None = None
    latency_ms: float | None = None


class Finding(Struct, frozen=True, kw_only=True):
    """What is broken or odd, and whom else it keeps from working (entry ids)."""

    about: str
    hop: Hop
    severity: Literal["error", "warning"]
    code: str | None
    text: str
    hint: str | None
    also: tuple[str, ...] = ()


class Diagnosis(DoctorEvent, tag="verdict", frozen=True, kw_only=True):
    """The last line: each cause once, the first broken hop first. `exit_code` is the command's."""

    well: bool
    exit_code: int
    findings: tuple[Finding, ...] = ()


AnyDoctorEvent = HopWalked | Diagnosis
