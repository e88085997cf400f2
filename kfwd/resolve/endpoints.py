"""Which endpoints a target stands for right now, and if none, why. Pure.

The choice follows EndpointSlices (design section 4, rule 7): ready endpoints; where there is none,
those that still serve while they are being deleted; nothing else. The order is kubectl's (protocol
notes H.2), so that the first stays the first while others come and go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from kfwd.kube import objects
from kfwd.kube.objects import Kind, Pod, Resource, Service, Workload
from kfwd.model import Problem, utcnow
from kfwd.resolve import ports, selectors, services, words
from kfwd.resolve.facts import Endpoint, Facts, Remark, Resolution, Unresolved, endpoint_of
from kfwd.resolve.ranking import rank
from kfwd.resolve.target import WORDS, Target

__all__ = ["Endpoint", "Facts", "Resolution", "kinds_needed", "name_needed", "resolve"]

_WORKLOADS: dict[str, Kind[Any]] = {kind.name: kind for kind in objects.WORKLOADS}
_Found = tuple[Sequence[Endpoint], Remark | None]
T = TypeVar("T", bound=Resource)


def kinds_needed(target: Target) -> tuple[Kind[Any], ...]:
    """The kinds whose objects `resolve` looks at, the target's own first."""
    if target.kind == "services":
        return (objects.SERVICES, objects.ENDPOINT_SLICES, objects.PODS)
    if target.kind in _WORKLOADS:
        return (_WORKLOADS[target.kind], objects.PODS)
    return (objects.PODS,) if target.kind == "pods" else ()


def name_needed(target: Target, kind: Kind[Any]) -> str | None:
    """The one object of `kind` that is enough for the target, or None: it takes all of them."""
    return target.name if kind.name == target.kind else None


def resolve(
    target: Target, remote: str, facts: Facts, namespace: str, *, now: datetime | None = None
) -> Resolution:
    """The usable endpoints of `target` and remote port (a number or a name) in a namespace.

    Problem codes: `not-found`, `no-endpoints`, `pod-not-running`, `no-such-port`, `bad-port`,
    `udp-port`, `no-selector`, `external-name`, `not-readable`, `not-supported`; with endpoints, as
    warnings: `pod-not-ready`, `terminating`.
    """
    since = now or utcnow()
    try:
        endpoints, remark = _find(target, remote, facts, namespace)
    except Unresolved as error:
        problem = Problem(
            code=error.code, severity="error", text=error.text, hint=error.hint, since=since
        )
        return Resolution(problem=problem, heals=error.heals)
    if remark is None:
        return Resolution(endpoints=tuple(endpoints))
    problem = Problem(code=remark.code, severity="warning", text=remark.text, since=since)
    return Resolution(endpoints=tuple(endpoints), problem=problem)


def _find(target: Target, remote: str, facts: Facts, namespace: str) -> _Found:
    if target.kind == "services":
        return _of_service(target, remote, facts, namespace)
    if target.kind in _WORKLOADS:
        return _of_workload(target, remote, facts, namespace)
    if target.kind != "pods":
        raise Unresolved(
            "not-supported",
            f"{target} cannot be forwarded: an ingress holds rules for many services",
            hint="forward one of the services behind it",
            heals=False,
        )
    if target.name is not None:
        return _of_pod(target, remote, facts, namespace)
    pods = _readable(facts.pods, "pods", namespace)
    return _of_pods(target, remote, _selected(pods, selectors.parse(target.selector or "")), "")


def _of_pod(target: Target, remote: str, facts: Facts, namespace: str) -> _Found:
    """A pod that was named is used while it runs, ready or not, as with kubectl."""
    known = _readable(facts.pods, "pods", namespace)
    pod = _named(target, known, namespace, _as_service(target.name or "", known, facts.services))
    port = ports.of_pod(pod, remote)
    ailing = f"pod {pod.name} {words.ailment(pod)}"
    if not pod.running or words.all_down(pod) or (pod.deleted and not pod.ready):
        raise Unresolved("pod-not-running", ailing)
    endpoint = endpoint_of(pod, port)
    if pod.deleted:
        return [endpoint], Remark("terminating", ailing)
    return [endpoint], None if pod.ready else Remark("pod-not-ready", ailing)


def _of_workload(target: Target, remote: str, facts: Facts, namespace: str) -> _Found:
    workloads = _readable(facts.workloads.get(target.kind), target.kind, namespace)
    workload: Workload = _named(target, workloads, namespace)
    if workload.spec.selector is None:
        raise Unresolved("no-selector", f"{target} has no selector", heals=False)
    pods = _readable(facts.pods, "pods", namespace)
    picked = _selected(pods, selectors.from_object(workload.spec.selector))
    idle = " (it is scaled to 0)" if workload.spec.replicas == 0 else ""
    return _of_pods(target, remote, picked, idle)


def _of_pods(target: Target, remote: str, pods: list[Pod], idle: str) -> _Found:
    if not pods:
        raise Unresolved("no-endpoints", f"{target} has no pods{idle}")
    found: list[Endpoint] = []
    missing: Unresolved | None = None
    for pod in pods:
        try:
            found.append(endpoint_of(pod, ports.of_pod(pod, remote)))
        except Unresolved as error:
            missing = missing or error
    if missing is not None and not found:
        raise missing
    if usable := _usable(target, found):
        return usable
    raise _none_usable(target, pods)


def _of_service(target: Target, remote: str, facts: Facts, namespace: str) -> _Found:
    known = _readable(facts.services, "services", namespace)
    service: Service = _named(target, known, namespace)
    found = services.candidates(service, remote, facts, namespace)
    if usable := _usable(target, found):
        return usable
    pods = services.selected(service, facts.pods or {})
    if service.spec.selector and facts.pods is not None and not found and not pods:
        labels = ",".join(f"{key}={value}" for key, value in service.spec.selector.items())
        raise Unresolved("no-endpoints", f"{target} has no pods: none is labelled {labels}")
    raise _none_usable(target, pods)


def _usable(target: Target, found: list[Endpoint]) -> _Found | None:
    """Rule 7 over candidates that are in order."""
    if ready := [e for e in found if e.ready and not e.terminating]:
        return ready, None
    if serving := [e for e in found if e.serving and e.terminating]:
        names = ", ".join(endpoint.pod for endpoint in serving[: words.MAX_PODS])
        return serving, Remark("terminating", f"all that is left of {target} is going: {names}")
    return None


def _none_usable(target: Target, pods: list[Pod]) -> Unresolved:
    if not pods:
        return Unresolved("no-endpoints", f"{target} has no ready endpoints")
    if late := [pod.name for pod in pods if pod.ready and not pod.deleted]:
        text = f"{target} has no endpoints yet, though {late[0]} is ready"
        return Unresolved("no-endpoints", text)
    what = "no ready pod" if len(pods) == 1 else f"none of its {len(pods)} pods ready"
    return Unresolved("no-endpoints", f"{target} has {what}: {words.ailments(pods)}")


def _selected(pods: Mapping[str, Pod], selector: selectors.Selector) -> list[Pod]:
    return sorted((pod for pod in pods.values() if selector.accepts(pod.labels)), key=rank)


def _readable(known: Mapping[str, T] | None, kind: str, namespace: str) -> Mapping[str, T]:
    if known is None:
        raise Unresolved("not-readable", f"the {kind} of namespace {namespace} cannot be read")
    return known


def _as_service(
    name: str, pods: Mapping[str, Pod], known: Mapping[str, Service] | None
) -> str | None:
    """A hint for the name of no pod that a service has or, where services are not read, may have
    since pods begin with it: a bare name is a pod's."""
    meant = any(pod.startswith(f"{name}-") for pod in pods) if known is None else name in known
    return f"svc/{name} if the service is meant" if meant else None


def _named(target: Target, known: Mapping[str, T], namespace: str, instead: str | None = None) -> T:
    assert target.name is not None
    if target.name in known:
        return known[target.name]
    near = words.did_you_mean(target.name, known, WORDS[target.kind].short)
    raise Unresolved(
        "not-found",
        f"there is no {target} in namespace {namespace}",
        hint="; ".join(filter(None, (instead, near))) or None,
    )
