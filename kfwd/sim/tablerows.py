"""The cells of each kind's row. Pure; see `tables` for the columns and the source."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

Obj = dict[str, Any]

NONE = "<none>"


def duration(seconds: float) -> str:
    """apimachinery's `HumanDuration`: `42s`, `3m5s`, `12m`, `2h10m`, `3d`."""
    total = int(seconds)
    if total < 0:
        return "0s"
    if total < 120:
        return f"{total}s"
    minutes, hours, days = total // 60, total // 3600, total // 86400
    if minutes < 10:
        return _pair(minutes, "m", total % 60, "s")
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _pair(days, "d", hours % 24, "h")
    return f"{days}d"


def _pair(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def when(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def age(text: str | None, now: datetime) -> str:
    return duration((now - when(text)).total_seconds()) if text else "<unknown>"


def _age(obj: Obj, now: datetime) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


def _name(obj: Obj) -> str:
    return str(obj["metadata"]["name"])


def _joined(values: Iterable[object], empty: str = NONE) -> str:
    return ",".join(str(value) for value in values if value not in {None, ""}) or empty


def _labels(selector: Obj | None) -> str:
    return _joined(f"{key}={value}" for key, value in sorted((selector or {}).items()))


def _template(obj: Obj) -> list[object]:
    containers = obj["spec"].get("template", {}).get("spec", {}).get("containers", [])
    return [_joined(c.get("name") for c in containers), _joined(c.get("image") for c in containers)]


def _selector(obj: Obj) -> str:
    return _labels((obj["spec"].get("selector") or {}).get("matchLabels"))


def pod_status(pod: Obj) -> str:
    """The STATUS word of a pod."""
    status = pod.get("status", {})
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for container in status.get("containerStatuses") or ():
        state = container.get("state") or {}
        reason = (state.get("waiting") or state.get("terminated") or {}).get("reason")
        if reason:
            return str(reason)
    return str(status.get("reason") or status.get("phase") or "Unknown")


def _pod(pod: Obj, now: datetime) -> list[object]:
    status = pod.get("status", {})
    containers = status.get("containerStatuses") or []
    ready = sum(1 for container in containers if container.get("ready"))
    return [
        _name(pod),
        f"{ready}/{len(pod['spec'].get('containers', []))}",
        pod_status(pod),
        str(sum(container.get("restartCount", 0) for container in containers)),
        _age(pod, now),
        status.get("podIP") or NONE,
        pod["spec"].get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        NONE,
    ]


def _service_port(port: Obj) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{node_port}/{port.get('protocol', 'TCP')}"


def _external(service: Obj) -> str:
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    addresses = [*(spec.get("externalIPs") or ())]
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    addresses += [point.get("ip") or point.get("hostname") for point in ingress]
    empty = "<pending>" if spec.get("type") == "LoadBalancer" else NONE
    return _joined(addresses, empty)


def _service(service: Obj, now: datetime) -> list[object]:
    spec = service["spec"]
    return [
        _name(service),
        spec.get("type", ""),
        spec.get("clusterIP") or NONE,
        _external(service),
        _joined(_service_port(port) for port in spec.get("ports") or ()),
        _age(service, now),
        _labels(spec.get("selector")),
    ]


def _some(values: list[str], limit: int = 3) -> str:
    """At most `limit` values, then how many more there are."""
    if not values:
        return NONE
    more = f" + {len(values) - limit} more..." if len(values) > limit else ""
    return ",".join(values[:limit]) + more


def _endpoints(obj: Obj, now: datetime) -> list[object]:
    pairs = [
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or ()
        for address in subset.get("addresses") or ()
        for port in subset.get("ports") or ()
    ]
    return [_name(obj), _some(pairs), _age(obj, now)]


def _slice(obj: Obj, now: datetime) -> list[object]:
    ports = [str(port.get("port", "*")) for port in obj.get("ports") or ()]
    addresses = [a for e in obj.get("endpoints") or () for a in e.get("addresses", ())]
    return [
        _name(obj),
        obj.get("addressType", ""),
        _some(ports) if ports else "<unset>",
        _some(addresses) if addresses else "<unset>",
        _age(obj, now),
    ]


def _deployment(obj: Obj, now: datetime) -> list[object]:
    spec, status = obj["spec"], obj.get("status", {})
    return [
        _name(obj),
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        _age(obj, now),
        *_template(obj),
        _selector(obj),
    ]


def _replica_set(obj: Obj, now: datetime) -> list[object]:
    status = obj.get("status", {})
    return [
        _name(obj),
        obj["spec"].get("replicas", 0),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        _age(obj, now),
        *_template(obj),
        _selector(obj),
    ]


def _stateful_set(obj: Obj, now: datetime) -> list[object]:
    ready = obj.get("status", {}).get("readyReplicas", 0)
    return [
        _name(obj),
        f"{ready}/{obj['spec'].get('replicas', 0)}",
        _age(obj, now),
        *_template(obj),
    ]


def _daemon_set(obj: Obj, now: datetime) -> list[object]:
    status = obj.get("status", {})
    numbers = ("desired", "current")
    return [
        _name(obj),
        *(status.get(f"{number}NumberScheduled", 0) for number in numbers),
        status.get("numberReady", 0),
        status.get("updatedNumberScheduled", 0),
        status.get("numberAvailable", 0),
        _labels(obj["spec"].get("template", {}).get("spec", {}).get("nodeSelector")),
        _age(obj, now),
        *_template(obj),
        _selector(obj),
    ]


def _job(obj: Obj, now: datetime) -> list[object]:
    status = obj.get("status", {})
    done = any(c["type"] == "Complete" for c in status.get("conditions") or ())
    started, ended = status.get("startTime"), status.get("completionTime")
    took = age(started, when(ended) if ended else now) if started else ""
    return [
        _name(obj),
        "Complete" if done else "Running",
        f"{status.get('succeeded', 0)}/{obj['spec'].get('completions', 1)}",
        took,
        _age(obj, now),
        *_template(obj),
        _selector(obj),
    ]


def _node(obj: Obj, now: datetime) -> list[object]:
    status = obj.get("status", {})
    addresses = {a["type"]: a["address"] for a in status.get("addresses") or ()}
    ready = any(
        c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ()
    )
    prefix = "node-role.kubernetes.io/"
    labels = obj["metadata"].get("labels") or {}
    word = "Ready" if ready else "NotReady"
    info = status.get("nodeInfo", {})
    return [
        _name(obj),
        f"{word},SchedulingDisabled" if obj["spec"].get("unschedulable") else word,
        _joined(label.removeprefix(prefix) for label in labels if label.startswith(prefix)),
        _age(obj, now),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", NONE),
        addresses.get("ExternalIP", NONE),
        info.get("osImage", "<unknown>"),
        info.get("kernelVersion", "<unknown>"),
        info.get("containerRuntimeVersion", "<unknown>"),
    ]


def _namespace(obj: Obj, now: datetime) -> list[object]:
    return [_name(obj), obj.get("status", {}).get("phase", ""), _age(obj, now)]


def _config_map(obj: Obj, now: datetime) -> list[object]:
    count = len(obj.get("data") or {}) + len(obj.get("binaryData") or {})
    return [_name(obj), count, _age(obj, now)]


def _secret(obj: Obj, now: datetime) -> list[object]:
    return [_name(obj), obj.get("type", ""), len(obj.get("data") or {}), _age(obj, now)]


def _ingress(obj: Obj, now: datetime) -> list[object]:
    spec = obj["spec"]
    points = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return [
        _name(obj),
        spec.get("ingressClassName") or NONE,
        _joined((rule.get("host") for rule in spec.get("rules") or ()), "*"),
        _joined((point.get("ip") or point.get("hostname") for point in points), ""),
        "80, 443" if spec.get("tls") else "80",
        _age(obj, now),
    ]


def _condition(obj: Obj, kind: str) -> str:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return next((str(c["status"]) for c in conditions if c["type"] == kind), "")


def _ingress_class(obj: Obj, now: datetime) -> list[object]:
    spec = obj.get("spec") or {}
    ref = spec.get("parameters") or {}
    kind = f"{ref['kind']}.{ref['apiGroup']}" if ref.get("apiGroup") else ref.get("kind")
    parameters = f"{kind}/{ref.get('name')}" if ref else NONE
    return [_name(obj), spec.get("controller", ""), parameters, _age(obj, now)]


def _gateway_class(obj: Obj, now: datetime) -> list[object]:
    spec = obj["spec"]
    accepted = _condition(obj, "Accepted")
    about = spec.get("description", "")
    return [_name(obj), spec.get("controllerName", ""), accepted, _age(obj, now), about]


def _gateway(obj: Obj, now: datetime) -> list[object]:
    addresses = (obj.get("status") or {}).get("addresses") or ()
    return [
        _name(obj),
        obj["spec"].get("gatewayClassName", ""),
        _joined((a.get("value") for a in addresses), ""),
        _condition(obj, "Programmed"),
        _age(obj, now),
    ]


def _http_route(obj: Obj, now: datetime) -> list[object]:
    hosts = obj["spec"].get("hostnames")
    return [_name(obj), json.dumps(hosts, separators=(",", ":")) if hosts else "", _age(obj, now)]


def _event(obj: Obj, now: datetime) -> list[object]:
    about = obj.get("involvedObject") or {}
    return [
        age(obj.get("lastTimestamp") or obj["metadata"].get("creationTimestamp"), now),
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}",
        str(obj.get("message", "")).strip(),
    ]


def _binding(obj: Obj, now: datetime) -> list[object]:
    ref = obj.get("roleRef") or {}
    return [_name(obj), f"{ref.get('kind')}/{ref.get('name')}", _age(obj, now)]


ROWS: dict[str, Callable[[Obj, datetime], list[object]]] = {
    "pods": _pod,
    "services": _service,
    "endpoints": _endpoints,
    "endpointslices": _slice,
    "deployments": _deployment,
    "replicasets": _replica_set,
    "statefulsets": _stateful_set,
    "daemonsets": _daemon_set,
    "jobs": _job,
    "nodes": _node,
    "namespaces": _namespace,
    "configmaps": _config_map,
    "secrets": _secret,
    "ingresses": _ingress,
    "ingressclasses": _ingress_class,
    "gatewayclasses": _gateway_class,
    "gateways": _gateway,
    "httproutes": _http_route,
    "events": _event,
    "rolebindings": _binding,
    "clusterrolebindings": _binding,
}
