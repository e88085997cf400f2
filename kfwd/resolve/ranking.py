"""Which pod first: kubectl's order (protocol notes H.2; kubectl/pkg/util/podutils ActivePods)."""

from __future__ import annotations

from datetime import datetime

from kfwd.kube.objects import ContainerStatus, Pod

_PHASES = {"Running": 0, "Unknown": 1}
_OTHER_PHASE = 2
"""Pending; Succeeded and Failed rank with it, as in kubectl."""


def rank(pod: Pod) -> tuple[object, ...]:
    """A sort key: the best pod has the least. Ties end with the name, so the order is stable."""
    ready_since = pod.ready_condition.last_transition_time if pod.ready_condition else None
    regular, sidecars = restarts(pod)
    return (
        not pod.spec.node_name,
        _PHASES.get(pod.status.phase, _OTHER_PHASE),
        not pod.ready,
        pod.deleted,
        -_seconds(pod.metadata.deletion_timestamp),
        _seconds(ready_since) if pod.ready else 0.0,
        regular,
        sidecars,
        _seconds(pod.metadata.creation_timestamp),
        pod.name,
    )


def restarts(pod: Pod) -> tuple[int, int]:
    """The most restarts of a regular container and of a sidecar."""
    sidecars = {c.name for c in pod.spec.init_containers or () if c.restart_policy == "Always"}
    init = [s for s in pod.status.init_container_statuses or () if s.name in sidecars]
    return _most(pod.status.container_statuses or ()), _most(init)


def _most(statuses: tuple[ContainerStatus, ...] | list[ContainerStatus]) -> int:
    return max((status.restart_count for status in statuses), default=0)


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0
