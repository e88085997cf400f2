"""The records of resolution: what is known, what a target stands for, and why for nothing."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from kfwd.kube.objects import EndpointSlice, Node, Pod, Service, Workload
from kfwd.model import Problem, Severity, State


class Endpoint(Struct, frozen=True, kw_only=True):
    """One pod (by `uid`) and one TCP port of it.

    `ready`, `serving` and `terminating` mean what they mean in an EndpointSlice; `address` is the
    pod's IP.
    """

    namespace: str
    pod: str
    uid: str
    port: int
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    node: str | None = None
    address: str | None = None

    @property
    def label(self) -> str:
        """What people know it by."""
        return self.pod


def endpoint_of(pod: Pod, port: int, even_unready: bool = False) -> Endpoint:
    """An endpoint as the EndpointSlice controller would make it of a pod.

    `even_unready` is a service's `publishNotReadyAddresses`.
    """
    serving = pod.running and (pod.ready or even_unready)
    return Endpoint(
        namespace=pod.metadata.namespace,
        pod=pod.name,
        uid=pod.metadata.uid,
        port=port,
        ready=serving and not pod.deleted,
        serving=serving,
        terminating=pod.deleted,
        node=pod.spec.node_name,
        address=pod.status.pod_ip,
    )


class Facts(Struct, frozen=True, kw_only=True):
    """The objects of one namespace, by name. None: not readable (or not read yet).

    `pods` holds all pods of the namespace, except for a `pods` target that was given its one pod.
    `workloads` is by the plural of the kind. `nodes` are those of the whole cluster.
    """

    pods: Mapping[str, Pod] | None = None
    services: Mapping[str, Service] | None = None
    slices: Mapping[str, EndpointSlice] | None = None
    workloads: Mapping[str, Mapping[str, Workload]] = {}
    nodes: Mapping[str, Node] | None = None


class Resolution(Struct, frozen=True, kw_only=True):
    """What a target and a remote port stand for right now.

    `endpoints` are those that new connections may use, best first. `heals`: the cluster may settle
    the problem without a person. The problem's `since` is the moment of this resolution: who keeps
    a problem keeps its first `since`.
    """

    endpoints: tuple[Endpoint, ...] = ()
    problem: Problem | None = None
    heals: bool = True

    @property
    def state(self) -> State:
        """What this means for an entry whose listener and session are fine."""
        if self.endpoints:
            return State.READY if self.problem is None else State.DEGRADED
        return State.WAITING if self.heals else State.FAILED


class Unresolved(Exception):
    """No endpoint can be chosen. Stays inside this package: it becomes a `Resolution`."""

    def __init__(
        self, code: str, text: str, *, hint: str | None = None, heals: bool = True
    ) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.hint = hint
        self.heals = heals


class Remark(Struct, frozen=True):
    """Something to say about endpoints that can be used all the same."""

    code: str
    text: str
    hint: str | None = None
    severity: Severity = "warning"
