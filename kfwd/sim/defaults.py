"""The fields a real API server fills in on create, as far as kubectl and clients show them. Pure.

Values follow `pkg/apis/*/v1/defaults.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kfwd.sim import gateway_defaults

Obj = dict[str, Any]

DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
OLD_CLASS = "kubernetes.io/ingress.class"


def _fill(target: Obj, defaults: Obj) -> None:
    for key, value in defaults.items():
        if target.get(key) is None:
            target[key] = value


def _container(container: Obj) -> None:
    _fill(
        container,
        {
            "imagePullPolicy": "IfNotPresent",
            "resources": {},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        },
    )
    for port in container.get("ports") or ():
        _fill(port, {"protocol": "TCP"})
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(name):
            _probe(container[name])


def _probe(probe: Obj) -> None:
    _fill(
        probe,
        {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
    )
    if probe.get("httpGet"):
        _fill(probe["httpGet"], {"path": "/", "scheme": "HTTP"})


def pod_spec(spec: Obj) -> None:
    """Fill a pod's spec, or a template's."""
    _fill(
        spec,
        {
            "restartPolicy": "Always",
            "dnsPolicy": "ClusterFirst",
            "schedulerName": "default-scheduler",
            "securityContext": {},
            "terminationGracePeriodSeconds": 30,
        },
    )
    for container in [*spec.get("containers", ()), *(spec.get("initContainers") or ())]:
        _container(container)
        if spec.get("hostNetwork"):
            for port in container.get("ports") or ():
                _fill(port, {"hostPort": port.get("containerPort")})


def _pod(obj: Obj) -> None:
    pod_spec(obj["spec"])
    _fill(
        obj["spec"],
        {
            "serviceAccountName": "default",
            "serviceAccount": "default",
            "enableServiceLinks": True,
            "preemptionPolicy": "PreemptLowerPriority",
            "priority": 0,
        },
    )
    obj["status"] = {"phase": "Pending", "qosClass": "BestEffort"}


def _template(obj: Obj) -> None:
    pod_spec(obj["spec"].setdefault("template", {}).setdefault("spec", {}))


def _replicated(obj: Obj) -> None:
    _fill(obj["spec"], {"replicas": 1})
    _template(obj)


def _deployment(obj: Obj) -> None:
    _replicated(obj)
    _fill(
        obj["spec"],
        {"strategy": {}, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600},
    )
    strategy = obj["spec"]["strategy"]
    _fill(strategy, {"type": "RollingUpdate"})
    if strategy["type"] == "RollingUpdate":
        _fill(strategy, {"rollingUpdate": {}})
        _fill(strategy["rollingUpdate"], {"maxSurge": "25%", "maxUnavailable": "25%"})


def _stateful_set(obj: Obj) -> None:
    _replicated(obj)
    _fill(
        obj["spec"],
        {
            "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "revisionHistoryLimit": 10,
        },
    )


def _daemon_set(obj: Obj) -> None:
    _template(obj)
    _fill(
        obj["spec"],
        {
            "updateStrategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
            },
            "revisionHistoryLimit": 10,
        },
    )


def _job(obj: Obj) -> None:
    """A Job selects the pods of its own uid, which the controller fills in."""
    _fill(obj["spec"], {"parallelism": 1, "completions": 1, "backoffLimit": 6})
    _template(obj)


def _service(obj: Obj) -> None:
    spec = obj["spec"]
    _fill(spec, {"type": "ClusterIP", "sessionAffinity": "None"})
    for port in spec.get("ports") or ():
        _fill(port, {"protocol": "TCP", "targetPort": port.get("port")})
    if spec["type"] != "ExternalName":
        _fill(
            spec,
            {
                "internalTrafficPolicy": "Cluster",
                "ipFamilies": ["IPv4"],
                "ipFamilyPolicy": "SingleStack",
            },
        )
    if spec["type"] in {"NodePort", "LoadBalancer"}:
        _fill(spec, {"externalTrafficPolicy": "Cluster"})
    obj["status"] = {"loadBalancer": {}}


def _namespace(obj: Obj) -> None:
    labels = obj["metadata"].setdefault("labels", {})
    labels["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
    obj["spec"] = {"finalizers": ["kubernetes"]}
    obj["status"] = {"phase": "Active"}


def _ingress(obj: Obj) -> None:
    obj["status"] = {"loadBalancer": {}}


def ingress_class(obj: Obj, classes: Iterable[Obj]) -> None:
    """Give an Ingress that names no class the default one, the newest if there are several."""
    if obj["spec"].get("ingressClassName") or OLD_CLASS in (
        obj["metadata"].get("annotations") or {}
    ):
        return
    for found in sorted(classes, key=lambda found: str(found["metadata"]["creationTimestamp"])):
        if (found["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true":
            obj["spec"]["ingressClassName"] = found["metadata"]["name"]


def _secret(obj: Obj) -> None:
    _fill(obj, {"type": "Opaque"})


_DEFAULTS: dict[str, Callable[[Obj], None]] = {
    "pods": _pod,
    "deployments": _deployment,
    "replicasets": _replicated,
    "statefulsets": _stateful_set,
    "daemonsets": _daemon_set,
    "jobs": _job,
    "services": _service,
    "namespaces": _namespace,
    "ingresses": _ingress,
    "secrets": _secret,
    "gateways": gateway_defaults.gateway,
    "httproutes": gateway_defaults.http_route,
    "gatewayclasses": gateway_defaults.gateway_class,
}
WITH_SPEC = frozenset(_DEFAULTS) - {"secrets", "namespaces"}


def fill(resource: str, obj: Obj) -> None:
    """Fill in what `obj`, new and owned by the caller, leaves open; its status starts afresh."""
    if resource in WITH_SPEC:
        obj["spec"] = obj.get("spec") or {}
        obj["status"] = {}
    if resource in _DEFAULTS:
        _DEFAULTS[resource](obj)


def refill(resource: str, obj: Obj) -> None:
    """The same for an object that is being changed: its status stays."""
    status = obj.get("status")
    if resource != "namespaces":
        fill(resource, obj)
    if status is not None:
        obj["status"] = status
