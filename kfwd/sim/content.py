"""What a simulated cluster holds from the start: nodes and the content of `demo`. Pure."""

from __future__ import annotations

from typing import Any

from kfwd.sim.discovery import VERSION

Obj = dict[str, Any]

IMAGE = "kfwd/probe"
DEMO = "demo"
NAMESPACES = ("default", "kube-system", DEMO)
NODES = {f"node-{number}": f"127.0.0.{10 + number}" for number in range(1, 5)}
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


def probe_spec(image: str = IMAGE) -> Obj:
    """A pod spec that runs the probe, as it would on a real cluster."""
    ports = [{"name": name, "containerPort": number} for name, number in PORTS.items()]
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


def service(name: str, ports: dict[str, int], *, headless: bool = False) -> Obj:
    """A Service whose ports lead to the probe's ports of the same names."""
    spec: Obj = {
        "selector": {"app": name},
        "ports": [{"name": n, "port": port, "targetPort": n} for n, port in ports.items()],
    }
    if headless:
        spec["clusterIP"] = "None"
    return _named("Service", "v1", name, spec=spec)


def demo() -> list[Obj]:
    """The objects of namespace `demo`."""
    return [
        service("web", SERVED),
        deployment("web", 3),
        service("db", {"echo": 9000}, headless=True),
        _workload("StatefulSet", "db", 2, serviceName="db"),
        _named("Pod", "v1", "solo", spec=probe_spec()),
        service("empty", {"http": 80}),
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
