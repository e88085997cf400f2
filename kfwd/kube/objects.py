"""Kubernetes objects as far as kfwd looks at them, and where their kinds live in the API.

Partial Structs: msgspec skips what is not declared, so that 5 000 pods decode in some 30 ms. What
was JSON has no cycles, so the garbage collector need not walk it. Field names are the API's own
(camel case), see https://kubernetes.io/docs/reference/kubernetes-api/.
Go writes an empty list now and then as null; the properties that return tuples hide that.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct, field

from kfwd.decoding import decoder

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
"""Names the service that an EndpointSlice belongs to."""


class ObjectMeta(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    labels: dict[str, str] | None = None
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None


class Resource(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Any object: what all of them have. As a kind's type, for objects of which no more is used."""

    metadata: ObjectMeta

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def labels(self) -> dict[str, str]:
        return self.metadata.labels or {}


T = TypeVar("T", bound=Resource)


class ContainerPort(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """`host_port` is on the node of the pod, on its address `host_ip` (unset: on all of them)."""

    container_port: int
    name: str = ""
    protocol: str = "TCP"
    host_port: int | None = None
    host_ip: str | None = field(default=None, name="hostIP")


class Container(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """`restart_policy` is `Always` on an init container that is a sidecar."""

    name: str
    ports: tuple[ContainerPort, ...] | None = None
    restart_policy: str | None = None


class PodSpec(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    node_name: str | None = None
    host_network: bool = False
    containers: tuple[Container, ...] | None = None
    init_containers: tuple[Container, ...] | None = None

    def declared_ports(self) -> tuple[ContainerPort, ...]:
        """In kubectl's order: containers first, then init containers."""
        containers = (*(self.containers or ()), *(self.init_containers or ()))
        return tuple(port for container in containers for port in container.ports or ())


class Condition(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None


class StateDetail(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    reason: str = ""
    message: str = ""


class ContainerState(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    waiting: StateDetail | None = None
    terminated: StateDetail | None = None


class ContainerStatus(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    name: str
    restart_count: int = 0
    state: ContainerState = ContainerState()


class PodStatus(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    phase: str = ""
    reason: str = ""
    message: str = ""
    pod_ip: str | None = field(default=None, name="podIP")
    host_ip: str | None = field(default=None, name="hostIP")
    conditions: tuple[Condition, ...] | None = None
    container_statuses: tuple[ContainerStatus, ...] | None = None
    init_container_statuses: tuple[ContainerStatus, ...] | None = None


class Pod(Resource, frozen=True, kw_only=True, gc=False):
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def deleted(self) -> bool:
        """Being deleted: it still runs, at most for its grace period."""
        return self.metadata.deletion_timestamp is not None

    @property
    def running(self) -> bool:
        return self.status.phase == "Running"

    @property
    def ready_condition(self) -> Condition | None:
        return self.condition("Ready")

    @property
    def ready(self) -> bool:
        condition = self.ready_condition
        return condition is not None and condition.status == "True"

    def condition(self, kind: str) -> Condition | None:
        return next((c for c in self.status.conditions or () if c.type == kind), None)

    def ports(self) -> tuple[ContainerPort, ...]:
        """Declared ports in kubectl's order."""
        return self.spec.declared_ports()


class ServicePort(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    port: int
    name: str = ""
    protocol: str = "TCP"
    target_port: int | str | None = None
    node_port: int | None = None
    app_protocol: str | None = None


class ServiceSpec(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    type: str = "ClusterIP"
    cluster_ip: str | None = field(default=None, name="clusterIP")
    cluster_ips: tuple[str, ...] | None = field(default=None, name="clusterIPs")
    external_name: str | None = None
    external_traffic_policy: str | None = None
    load_balancer_source_ranges: tuple[str, ...] | None = None
    selector: dict[str, str] | None = None
    ports: tuple[ServicePort, ...] | None = None
    publish_not_ready_addresses: bool = False


class LoadBalancerIngress(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """One address of a load balancer: one of `ip` and `hostname` is set."""

    ip: str | None = None
    hostname: str | None = None


class LoadBalancerStatus(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    ingress: tuple[LoadBalancerIngress, ...] | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """IP addresses and host names, in the provider's order; none while it is pending."""
        found = (entry.ip or entry.hostname for entry in self.ingress or ())
        return tuple(address for address in found if address)


class LoadBalanced(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """The status of a Service and of an Ingress."""

    load_balancer: LoadBalancerStatus = LoadBalancerStatus()


class Service(Resource, frozen=True, kw_only=True, gc=False):
    spec: ServiceSpec = ServiceSpec()
    status: LoadBalanced = LoadBalanced()

    @property
    def headless(self) -> bool:
        return self.spec.cluster_ip == "None"

    @property
    def ports(self) -> tuple[ServicePort, ...]:
        return self.spec.ports or ()


class EndpointConditions(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class ObjectReference(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""


class SliceEndpoint(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    addresses: tuple[str, ...] | None = None
    conditions: EndpointConditions = EndpointConditions()
    target_ref: ObjectReference | None = None
    node_name: str | None = None


class SlicePort(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    name: str | None = None
    port: int | None = None
    protocol: str | None = "TCP"


class EndpointSlice(Resource, frozen=True, kw_only=True, gc=False):
    endpoints: tuple[SliceEndpoint, ...] | None = None
    ports: tuple[SlicePort, ...] | None = None

    @property
    def service(self) -> str | None:
        return self.labels.get(SERVICE_NAME_LABEL)


class LabelRequirement(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    key: str
    operator: str
    values: tuple[str, ...] | None = None


class LabelSelector(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    match_labels: dict[str, str] | None = None
    match_expressions: tuple[LabelRequirement, ...] | None = None


class PodTemplate(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    spec: PodSpec = PodSpec()


class WorkloadSpec(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """A Job has `parallelism` in place of `replicas`, a DaemonSet neither."""

    replicas: int | None = None
    parallelism: int | None = None
    selector: LabelSelector | None = None
    template: PodTemplate = PodTemplate()


class WorkloadStatus(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Ready pods: `number_ready` of a DaemonSet, `ready` of a Job, else `ready_replicas`."""

    ready_replicas: int | None = None
    number_ready: int | None = None
    desired_number_scheduled: int | None = None
    ready: int | None = None


class Workload(Resource, frozen=True, kw_only=True, gc=False):
    """A Deployment, ReplicaSet, StatefulSet, DaemonSet or Job: something that selects pods."""

    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadStatus = WorkloadStatus()

    @property
    def ready_pods(self) -> int:
        status = self.status
        return status.ready_replicas or status.number_ready or status.ready or 0

    @property
    def wanted_pods(self) -> int:
        """How many pods should run; `replicas` unset is one."""
        counts = (self.status.desired_number_scheduled, self.spec.replicas, self.spec.parallelism)
        return next((count for count in counts if count is not None), 1)


class NodeAddress(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    type: str
    address: str


class NodeStatus(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    addresses: tuple[NodeAddress, ...] | None = None
    conditions: tuple[Condition, ...] | None = None


class Node(Resource, frozen=True, kw_only=True, gc=False):
    status: NodeStatus = NodeStatus()


class StatusDetails(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    retry_after_seconds: int | None = None


class Status(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """The API server's answer in words, mostly to what failed."""

    kind: str = ""
    message: str = ""
    reason: str = ""
    code: int = 0
    details: StatusDetails | None = None


class ListMeta(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    resource_version: str = ""
    continue_: str = field(default="", name="continue")


class List(Struct, Generic[T], frozen=True, kw_only=True, rename="camel", gc=False):
    """One page of a list; `metadata.resource_version` is the list's own."""

    metadata: ListMeta = ListMeta()
    items: tuple[T, ...] | None = None


class Kind(Struct, Generic[T], frozen=True, kw_only=True):
    """A kind of object: `name` is its plural in URLs, `base` the path of its group and version.

    `optional`: a cluster need not have it.
    """

    name: str
    singular: str
    base: str
    type: type[T]
    namespaced: bool = True
    optional: bool = False

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """The path of one object, or of the collection: of all namespaces where none is given."""
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace is not None else ""
        return f"{self.base}{scope}/{self.name}" + (f"/{name}" if name is not None else "")


CORE = "/api/v1"
APPS = "/apis/apps/v1"
BATCH = "/apis/batch/v1"
DISCOVERY = "/apis/discovery.k8s.io/v1"

PODS = Kind(name="pods", singular="pod", base=CORE, type=Pod)
SERVICES = Kind(name="services", singular="service", base=CORE, type=Service)
ENDPOINT_SLICES = Kind(
    name="endpointslices", singular="endpointslice", base=DISCOVERY, type=EndpointSlice
)
DEPLOYMENTS = Kind(name="deployments", singular="deployment", base=APPS, type=Workload)
REPLICA_SETS = Kind(name="replicasets", singular="replicaset", base=APPS, type=Workload)
STATEFUL_SETS = Kind(name="statefulsets", singular="statefulset", base=APPS, type=Workload)
DAEMON_SETS = Kind(name="daemonsets", singular="daemonset", base=APPS, type=Workload)
JOBS = Kind(name="jobs", singular="job", base=BATCH, type=Workload)
NODES = Kind(name="nodes", singular="node", base=CORE, type=Node, namespaced=False)
NAMESPACES = Kind(
    name="namespaces", singular="namespace", base=CORE, type=Resource, namespaced=False
)

WORKLOADS = (DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS, DAEMON_SETS, JOBS)


def list_decoder(kind: Kind[T]) -> msgspec.json.Decoder[List[T]]:
    """The JSON decoder of a page of `kind`."""
    generic: Any = List
    return decoder(generic[kind.type])
