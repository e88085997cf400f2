"""What a simulated cluster holds from the start: nodes and the content of `demo`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kfwd.sim.discovery import VERSION

Obj = dict[str, Any]

IMAGE = "kfwd/probe"
DEMO = "demo"
NAMESPACES = ("default", "kube-system", DEMO)
PRE_STOP_S = 2

PORTS = {
    "http": 8080,
    "echo": 9000,
    "sink": 9001,
    "source": 9002,
    "sha": 9004,
    "reset": 9005,
    "sha-counted": 9006,
}
"""The probe's ports by name (design section 10)."""

SERVED = {"http": 80, "echo": 9000, "sink": 9001, "source": 9002, "sha": 9004, "sha-counted": 9006}


def node(name: str, address: str, now: str) -> Obj:
    """A node that is ready."""
    conditions = [
        ("Ready", "True", "KubeletReady"),
        ("MemoryPressure", "False", "KubeletHasMemory"),
    ]
    info = {
        "kubeletVersion": VERSION["gitVersion"],
        "kubeProxyVersion": VERSION["gitVersion"],
        "containerRuntimeVersion": "containerd://1.6.20",
        "osImage": "kfwd sim",
        "kernelVersion": "6.1.0",
        "operatingSystem": "linux",
        "architecture": "amd64",
    }
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": address},
                {"type": "Hostname", "address": name},
            ],
            "capacity": {"cpu": "8", "memory": "16Gi", "pods": "250"},
            "allocatable": {"cpu": "8", "memory": "16Gi", "pods": "250"},
            "conditions": [
                {"type": t, "status": s, "reason": r, "lastTransitionTime": now}
                for t, s, r in conditions
            ],
            "nodeInfo": info,
        },
    }


def probe_spec(image: str = IMAGE, *, host_ports: Mapping[str, int] | None = None) -> Obj:
    """A pod spec that runs the probe, as it would on a real cluster."""
    ports: list[Obj] = [{"name": name, "containerPort": n} for name, n in PORTS.items()]
    for port in ports:
        if number := (host_ports or {}).get(port["name"]):
            port["hostPort"] = number
    container = {
        "name": "probe",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "ports": ports,
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_S}}},
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
    }
    return {"containers": [container]}


def _named(kind: str, api_version: str, name: str, **body: object) -> Obj:
    meta = {"name": name, "labels": {"app": name}}
    return {"kind": kind, "apiVersion": api_version, "metadata": meta, **body}


def _workload(kind: str, name: str, replicas: int, image: str = IMAGE, **spec: object) -> Obj:
    template = {"metadata": {"labels": {"app": name}}, "spec": probe_spec(image)}
    selector = {"matchLabels": {"app": name}}
    body = {"replicas": replicas, "selector": selector, "template": template, **spec}
    return _named(kind, "apps/v1", name, spec=body)


def deployment(name: str, replicas: int, image: str = IMAGE) -> Obj:
    """A Deployment of probes."""
    return _workload("Deployment", name, replicas, image)


def service(name: str, ports: Mapping[str, int], *, headless: bool = False, **more: object) -> Obj:
    """A Service whose ports lead to the probe's ports of the same names; `more` is its spec's."""
    spec: Obj = {
        "selector": {"app": name},
        "ports": [{"name": n, "port": port, "targetPort": n} for n, port in ports.items()],
        **more,
    }
    if headless:
        spec["clusterIP"] = "None"
    return _named("Service", "v1", name, spec=spec)


def classes() -> list[Obj]:
    """The classes of Ingresses and Gateways that this cluster serves."""
    default = {"ingressclass.kubernetes.io/is-default-class": "true"}
    ingresses = _named(
        "IngressClass", "networking.k8s.io/v1", "sim", spec={"controller": "kfwd.sim/ingress"}
    )
    ingresses["metadata"]["annotations"] = default
    gateways = _named(
        "GatewayClass",
        "gateway.networking.k8s.io/v1",
        "sim",
        spec={"controllerName": "kfwd.sim/gateway"},
    )
    return [ingresses, gateways]


WEB_HOST_PORT = 18080
"""Where each pod of `web` listens on its node."""


def web() -> list[Obj]:
    """Deployment and Service `web`, which can be reached in every way there is."""
    deploy = deployment("web", 3)
    deploy["spec"]["template"]["spec"] = probe_spec(host_ports={"http": WEB_HOST_PORT})
    # Three of four nodes have the host port in use: an old pod makes room for the last new ones.
    deploy["spec"]["strategy"] = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}
    return [service("web", SERVED, type="LoadBalancer"), deploy, ingress("web", "foo.bar.com")]


def edge() -> list[Obj]:
    """A pod in its node's network, and a Service."""
    deploy = deployment("edge", 1)
    deploy["spec"]["template"]["spec"]["hostNetwork"] = True
    deploy["spec"]["strategy"] = {"type": "Recreate"}
    return [service("edge", {"http": 80}), deploy]


def far() -> list[Obj]:
    """What cannot be reached from outside: a balancer that never comes, a port on one node only."""
    lost = ingress("far", "far.example.com")
    lost["spec"]["ingressClassName"] = "none"
    found = service("far", {"http": 80}, type="LoadBalancer")
    found["spec"] |= {"loadBalancerClass": "example.com/none", "externalTrafficPolicy": "Local"}
    return [found, deployment("far", 1), lost]


def ingress(name: str, host: str, path: str = "/foo") -> Obj:
    """An Ingress that leads a host's path to port `http` of the Service of the same name."""
    backend = {"service": {"name": name, "port": {"name": "http"}}}
    paths = [{"path": path, "pathType": "Prefix", "backend": backend}]
    spec = {"rules": [{"host": host, "http": {"paths": paths}}]}
    return _named("Ingress", "networking.k8s.io/v1", name, spec=spec)


def demo() -> list[Obj]:
    """The objects of namespace `demo`."""
    return [
        *web(),
        service("db", {"echo": 9000}, headless=True),
        _workload("StatefulSet", "db", 2, serviceName="db"),
        _named("Pod", "v1", "solo", spec=probe_spec()),
        service("empty", {"http": 80}),
        *edge(),
        *far(),
    ]


def narrow_role(user: str) -> list[Obj]:
    """`get` on pods and `create` on pods/portforward in `demo`, and nothing else."""
    api = "rbac.authorization.k8s.io"
    rules = [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods/portforward"], "verbs": ["create"]},
    ]
    subject = {"apiGroup": api, "kind": "User", "name": user}
    ref = {"apiGroup": api, "kind": "Role", "name": user}
    return [
        _named("Role", f"{api}/v1", user, rules=rules),
        _named("RoleBinding", f"{api}/v1", user, subjects=[subject], roleRef=ref),
    ]
