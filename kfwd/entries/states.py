"""What an entry's state is, from what is known about it. Pure (design section 7).

The first rule that applies decides, and its problem is the one that is shown: what is wrong here
on this machine comes before the cluster, the cluster before the pod, the pod before the session.
"""

from __future__ import annotations

from msgspec import Struct

from kfwd.model import Problem, State

NEEDS_A_PERSON = frozenset(
    {
        "bad-selector",
        "bad-target",
        "bind-failed",
        "certificate-invalid",
        "forbidden",
        "kubeconfig-invalid",
        "login-needed",
        "no-such-port",
        "port-privileged",
        "udp-port",
        "unknown-context",
        "unknown-kind",
    }
)
"""Codes that waiting does not cure: somebody must edit, log in or grant a right."""

SERVING = frozenset({State.READY, State.DEGRADED})


class PortFacts(Struct, frozen=True, kw_only=True):
    """One port of a forward.

    `usable` endpoints were found, the best of them `ready`. `proven`: a session to it is up, or the
    last one was good. `trouble` is what went wrong on the way to it last.
    """

    bound: bool = False
    bind: Problem | None = None
    resolution: Problem | None = None
    usable: bool = False
    ready: bool = False
    proven: bool = False
    trouble: Problem | None = None


class Facts(Struct, frozen=True, kw_only=True):
    """All that is known. `config` is what is wrong with what was asked for; `synced`: the cluster's
    objects were read at least once; `watch` is what is wrong with reading them now."""

    ports: tuple[PortFacts, ...]
    paused: bool = False
    stopping: bool = False
    config: Problem | None = None
    context: Problem | None = None
    synced: bool = False
    watch: Problem | None = None


class Verdict(Struct, frozen=True):
    state: State
    problem: Problem | None = None


def judge(facts: Facts) -> Verdict:
    """The state of the whole entry and its most telling problem."""
    if facts.stopping:
        return Verdict(State.STOPPING)
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


_WORST_FIRST = (State.FAILED, State.WAITING, State.DEGRADED, State.STARTING, State.READY)


def _judge_port(facts: Facts, port: PortFacts) -> Verdict:
    if not port.bound:
        return _blocked(port.bind, State.STARTING)
    if facts.config:
        return _blocked(facts.config, State.STARTING)
    if facts.context:
        return _hampered(facts.context, port)
    if not facts.synced:
        return _blocked(facts.watch, State.STARTING)
    if not port.usable:
        return _blocked(port.resolution, State.WAITING)
    return _judge_session(facts, port)


def _judge_session(facts: Facts, port: PortFacts) -> Verdict:
    if port.trouble:
        return _hampered(port.trouble, port)
    if not port.proven:
        return Verdict(State.STARTING)
    if not port.ready:
        return Verdict(State.DEGRADED, port.resolution)
    if facts.watch and facts.watch.severity == "error":
        return Verdict(State.DEGRADED, facts.watch)
    return Verdict(State.READY, facts.watch or port.resolution)


def _blocked(problem: Problem | None, otherwise: State) -> Verdict:
    """Nothing is served; without a problem the state is `otherwise`."""
    if problem is None:
        return Verdict(otherwise)
    return Verdict(State.FAILED if problem.code in NEEDS_A_PERSON else State.WAITING, problem)


def _hampered(problem: Problem, port: PortFacts) -> Verdict:
    """Served as long as a session is up; else as if there were nothing."""
    serves = port.proven or problem.code == "port-refused"
    return Verdict(State.DEGRADED, problem) if serves else _blocked(problem, State.WAITING)
