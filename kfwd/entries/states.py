"""What an entry's state is, from what is known about it. Pure (design section 7).

The first rule that applies decides, and its problem is the one that is shown: what is wrong here
on this machine comes before the cluster, the cluster before the pod, the pod before the session.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from kfwd.errors import ConfigError, Forbidden, KfwdError, UsageError
from kfwd.model import Problem, Severity, State
from kfwd.resolve.direct import Destination

SERVING = frozenset({State.READY, State.DEGRADED})
_WORST_FIRST = (State.FAILED, State.WAITING, State.DEGRADED, State.STARTING, State.READY)
_NEED_A_PERSON = (UsageError, ConfigError, Forbidden)
"""A login needs a person too, but for the context as a whole: its entries wait, and go on."""


class Fault(Struct, frozen=True):
    """A problem, and whether time may cure it; else a person must edit, log in or grant.

    `bars`: nothing new can be had while it stands, whatever is still up.
    """

    problem: Problem
    heals: bool = True
    bars: bool = False


class Seen(Struct, frozen=True, kw_only=True):
    """What else is told of a port. `name` tells it from the entry's others.

    `listen`: where. `by`: how what is behind it is reached; `api` is the API server itself,
    `cluster` whatever of it is asked for. `places`: what new connections may get, best first.
    `answers`: a process took the last connection. `ping_s`: a question over a session and back.
    """

    name: str = ""
    listen: tuple[str, ...] = ()
    by: Literal["tunnel", "direct", "api-proxy", "api", "cluster"] = "tunnel"
    places: tuple[Destination, ...] = ()
    transport: str | None = None
    answers: bool = False
    ping_s: float | None = None


class PortFacts(Struct, frozen=True, kw_only=True):
    """One port of a forward.

    `resolution`: why there are no endpoints, or what is odd about them; `way`: what is odd about
    how they are reached. `usable` endpoints were found, the best of them `ready`. `proven`: a
    session to it is up, or the last one was good. `session`: what went wrong on the way to it last.
    `backend`: why no process takes connections there. `seen` decides nothing.
    """

    bound: bool = False
    bind: Fault | None = None
    resolution: Fault | None = None
    way: Fault | None = None
    usable: bool = False
    ready: bool = False
    proven: bool = False
    session: Fault | None = None
    backend: Fault | None = None
    seen: Seen = Seen()


class Facts(Struct, frozen=True, kw_only=True):
    """All that is known.

    `config`: what is wrong with what was asked for. `context`: what is wrong with the cluster as a
    whole, `refused`: what keeps sessions from all its pods. `looked`: the objects that matter were
    read, or cannot be. `watch`: what hinders that. `server` is the API server that answered last,
    in `latency_ms`; that decides nothing.
    """

    ports: tuple[PortFacts, ...]
    paused: bool = False
    config: Fault | None = None
    context: Fault | None = None
    refused: Problem | None = None
    looked: bool = False
    watch: Fault | None = None
    server: str | None = None
    latency_ms: float | None = None


class Verdict(Struct, frozen=True):
    state: State
    problem: Problem | None = None


def judge(facts: Facts) -> Verdict:
    """The state of the whole entry and its most telling problem."""
    if facts.paused:
        return Verdict(State.PAUSED)
    return together([_judge_port(facts, port) for port in facts.ports])


def together(verdicts: list[Verdict]) -> Verdict:
    """Ports that serve beside one that does not make the entry degraded, else the worst counts."""
    worst = min(verdicts, key=lambda verdict: _WORST_FIRST.index(verdict.state))
    problem = worst.problem or next((v.problem for v in verdicts if v.problem), None)
    serves = any(verdict.state in SERVING for verdict in verdicts)
    if serves and worst.state in (State.FAILED, State.WAITING):
        return Verdict(State.DEGRADED, problem)
    return Verdict(worst.state, problem)


def _judge_port(facts: Facts, port: PortFacts) -> Verdict:
    if not port.bound:
        return _blocked(port.bind, State.STARTING)
    if facts.config:
        return _blocked(facts.config, State.FAILED)
    if facts.context:
        return _hampered(facts.context, port)
    if not facts.looked:
        return Verdict(State.STARTING)
    if not port.usable:
        return _blocked(port.resolution or port.way or facts.watch, State.STARTING)
    return _judge_session(facts, port)


def _judge_session(facts: Facts, port: PortFacts) -> Verdict:
    if port.backend:
        return Verdict(State.DEGRADED, port.backend.problem)
    if port.session:
        return _hampered(_shared(facts, port.session), port)
    if not port.proven:
        return Verdict(State.STARTING)
    remark = port.resolution or port.way or facts.watch
    problem = remark.problem if remark else None
    return Verdict(State.READY if port.ready else State.DEGRADED, problem)


def _shared(facts: Facts, fault: Fault) -> Fault:
    """A fault of a session, with its cause where all others in the context have it as well."""
    common, own = facts.refused, fault.problem
    if common is None or (common.code, common.text) != (own.code, own.text):
        return fault
    return msgspec.structs.replace(fault, problem=msgspec.structs.replace(own, cause=common.cause))


def _blocked(fault: Fault | None, otherwise: State) -> Verdict:
    """Nothing is served; without a fault the state is `otherwise`."""
    if fault is None:
        return Verdict(otherwise)
    return Verdict(State.WAITING if fault.heals else State.FAILED, fault.problem)


def _hampered(fault: Fault, port: PortFacts) -> Verdict:
    """Served as long as a session is up; else as if there were nothing."""
    serves = port.usable and port.proven and not fault.bars
    return Verdict(State.DEGRADED, fault.problem) if serves else _blocked(fault, State.WAITING)


def fault_of(error: KfwdError, *, severity: Severity = "error", cause: str | None = None) -> Fault:
    """An error as data; its type says whether time may cure it."""
    problem = Problem(
        code=error.code, severity=severity, text=error.text, hint=error.hint, cause=cause
    )
    return Fault(problem, heals=not isinstance(error, _NEED_A_PERSON))


def same(one: Problem, other: Problem) -> bool:
    """Whether two problems say the same, whenever each was noticed."""
    return msgspec.structs.replace(one, since=other.since) == other


def kept(old: Problem | None, new: Problem | None) -> Problem | None:
    """`new`, with the time it was first noticed if `old` said the same."""
    return old if old is not None and new is not None and same(old, new) else new
