"""What is the matter with a pod, a port or a name, in plain words."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import chain

from kfwd.kube.objects import Pod, Service, StateDetail
from kfwd.resolve.ranking import restarts

MAX_PODS = 3
"""Pods that one sentence names."""


def ailment(pod: Pod) -> str:
    """Why a pod takes no connections, as a predicate: `is CrashLoopBackOff after 4 restarts`."""
    if pod.deleted:
        return "is being deleted"
    if pod.status.phase == "Succeeded":
        return "has finished"
    if pod.status.phase == "Failed":
        return f"has failed ({pod.status.reason})" if pod.status.reason else "has failed"
    if stuck := _stuck_state(pod):
        return f"is {stuck.reason}{_after_restarts(pod)}"
    scheduled = pod.condition("PodScheduled")
    if scheduled is not None and scheduled.status == "False":
        return f"is Pending: {scheduled.message or scheduled.reason}"
    if not pod.running:
        return f"is {pod.status.phase or 'not started'}"
    return "is ready" if pod.ready else f"is running but not ready{_after_restarts(pod)}"


def _stuck_state(pod: Pod) -> StateDetail | None:
    """The first container's reason to wait or to have ended, where it has one."""
    statuses = chain(pod.status.container_statuses or (), pod.status.init_container_statuses or ())
    for status in statuses:
        waits = status.state.waiting
        if waits is not None and waits.reason and waits.reason != "PodInitializing":
            return waits
    return None


def all_down(pod: Pod) -> bool:
    """Whether every container waits or has ended, whatever the pod's phase says."""
    states = [status.state for status in pod.status.container_statuses or ()]
    return bool(states) and all(state.waiting or state.terminated for state in states)


def _after_restarts(pod: Pod) -> str:
    count = max(restarts(pod))
    return f" after {count} restart{'s' if count > 1 else ''}" if count else ""


def ailments(pods: Iterable[Pod]) -> str:
    """`web-0 is CrashLoopBackOff, web-1 is Pending and 2 more`, the best pod first."""
    listed = [f"{pod.name} {ailment(pod)}" for pod in pods]
    more = f" and {len(listed) - MAX_PODS} more" if len(listed) > MAX_PODS else ""
    return ", ".join(listed[:MAX_PODS]) + more


def pod_ports(pod: Pod) -> str:
    """A hint that lists the ports a pod declares."""
    ports = [_port(p.name, p.container_port, p.protocol) for p in pod.ports()]
    if not ports:
        return "it declares no ports: give the number"
    return f"its ports are {', '.join(ports)}; any other number works too"


def service_ports(service: Service) -> str:
    """A hint that lists a service's ports."""
    ports = [_port(p.name, p.port, p.protocol) for p in service.ports]
    return f"its ports are {', '.join(ports)}" if ports else "it has no ports"


def _port(name: str, number: int, protocol: str) -> str:
    text = str(number) if protocol == "TCP" else f"{number} {protocol}"
    return f"{name} ({text})" if name else text


def did_you_mean(name: str, names: Iterable[str], prefix: str) -> str | None:
    """A hint that names the closest of `names`, or some of them."""
    known = sorted(names)
    if near := get_close_matches(name, known, n=3):
        return "did you mean " + " or ".join(f"{prefix}/{other}" for other in near) + "?"
    if not known:
        return None
    return f"there are {', '.join(known[:MAX_PODS])}" + (", ..." if len(known) > MAX_PODS else "")
