"""What an entry needs, each thing on its own, from the same facts that `states` judges. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from kfwd.api_doctor import Fact, Part, PartState
from kfwd.entries.states import Facts, Fault, PortFacts, judge
from kfwd.resolve.direct import Address, Destination
from kfwd.text import few

_WORST_FIRST: tuple[PartState, ...] = ("broken", "warning", "unknown", "ok", "unused")
_NO_SESSION = {
    "direct": "connections go straight to the address",
    "api-proxy": "requests go through the API server's proxy",
    "api": "requests go to the API server itself",
    "cluster": "sessions are opened when something is asked for",
}


def parts(facts: Facts) -> tuple[Fact, ...]:
    """The facts in the order in which bytes meet them.

    Of several ports the one counts that the entry's problem is of, else the worst.
    """
    if facts.paused:
        return tuple(Fact(part=part, state="unused", text="it is paused") for part in _PARTS)
    problem = judge(facts).problem
    return tuple(_of(part, facts, problem.code if problem else None) for part in _PARTS)


def kept(old: Iterable[Fact], new: Iterable[Fact]) -> tuple[Fact, ...]:
    """`new`, each with the time it became so if `old` said the same."""
    before = {(fact.part, fact.state, fact.code): fact.since for fact in old}
    return tuple(
        replace(fact, since=before.get((fact.part, fact.state, fact.code), fact.since))
        for fact in new
    )


def _of(part: Part, facts: Facts, told: str | None) -> Fact:
    found = [_PARTS[part](facts, port) for port in facts.ports]
    names = [port.seen.name for port in facts.ports]
    wrong = [fact for fact in found if fact.state in ("broken", "warning") and fact.code == told]
    worst = min(wrong or found, key=lambda fact: _WORST_FIRST.index(fact.state))
    same = [fact.text for fact in found if fact.state == worst.state]
    if len(same) < len(found):
        return replace(worst, text=f"port {names[found.index(worst)]}: {worst.text}")
    return replace(worst, text="; ".join(dict.fromkeys(same)))


def _listener(facts: Facts, port: PortFacts) -> Fact:
    if port.bound:
        return Fact(part="listener", state="ok", text=f"listens on {few(port.seen.listen)}")
    return _trouble("listener", port.bind) or _unknown("listener", "not bound yet")


def _context(facts: Facts, port: PortFacts) -> Fact:
    if facts.context is not None:
        return _broken("context", facts.context)
    if facts.server is None:
        return _unknown("context", "the API server was not asked yet")
    text = f"{facts.server} answers"
    return Fact(part="context", state="ok", text=text, latency_ms=facts.latency_ms)


def _pod(facts: Facts, port: PortFacts) -> Fact:
    if facts.config is not None:
        return _broken("pod", facts.config)
    if port.seen.by == "api":
        return Fact(part="pod", state="unused", text="the whole API needs no pod")
    if facts.context is not None:
        return _unknown("pod", "not to be told while the API server does not answer")
    if not facts.looked:
        return _unknown("pod", "its objects were not read yet")
    remark = port.resolution or facts.watch
    if not port.usable:
        return _trouble("pod", remark) or _unknown("pod", "not found yet")
    return _trouble("pod", remark, works=True) or Fact(part="pod", state="ok", text=_behind(port))


def _behind(port: PortFacts) -> str:
    if port.seen.by == "cluster":
        return "what may be asked for is known"
    places = few([place(each) for each in port.seen.places])
    return f"{places} leads there" if port.seen.by == "direct" else f"ready: {places}"


def place(each: Destination) -> str:
    """A pod or an address with its port."""
    return each.uid if isinstance(each, Address) else f"{each.pod}:{each.port}"


def _session(facts: Facts, port: PortFacts) -> Fact:
    if port.seen.by in _NO_SESSION:
        remark = _trouble("session", port.way, works=True)
        return remark or Fact(part="session", state="unused", text=_NO_SESSION[port.seen.by])
    if port.session is not None:
        return _broken("session", port.session)
    if not port.proven:
        remark = _trouble("session", port.way, works=port.usable)
        return remark or _unknown("session", "none yet")
    ping = None if port.seen.ping_s is None else round(port.seen.ping_s * 1000, 1)
    found = Fact(part="session", state="ok", text=_carried(port))
    return replace(_trouble("session", port.way, works=True) or found, latency_ms=ping)


def _carried(port: PortFacts) -> str:
    over = f" over {port.seen.transport}" if port.seen.transport else ""
    return f"up{over}, or the last one was good"


def _backend(facts: Facts, port: PortFacts) -> Fact:
    if port.seen.by == "api":
        return replace(_context(facts, port), part="backend")
    if port.backend is not None:
        return _broken("backend", port.backend)
    if port.seen.answers:
        text = "a process took the last connection"
        return Fact(part="backend", state="ok", text=text)
    return _unknown("backend", "no connection has shown it yet")


_PARTS: Mapping[Part, Callable[[Facts, PortFacts], Fact]] = {
    "listener": _listener,
    "context": _context,
    "pod": _pod,
    "session": _session,
    "backend": _backend,
}


def _unknown(part: Part, text: str) -> Fact:
    return Fact(part=part, state="unknown", text=text)


def _trouble(part: Part, fault: Fault | None, *, works: bool = False) -> Fact | None:
    if fault is None:
        return None
    return _broken(part, fault, works=works)


def _broken(part: Part, fault: Fault, *, works: bool = False) -> Fact:
    """A fault as a fact. What `works` all the same is odd, or worth knowing and no more."""
    problem = fault.problem
    state: PartState = "broken"
    if works:
        state = "ok" if problem.severity == "info" else "warning"
    return Fact(part=part, state=state, text=problem.text, code=problem.code, hint=problem.hint)
