"""What the schemas of the Gateway API's resources fill in on create. Pure.

Values are the defaults in `config/crd/standard` of the Gateway API, v1.
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]

GROUP = "gateway.networking.k8s.io"
EPOCH = "1970-01-01T00:00:00Z"


def _fill(target: Obj, defaults: Obj) -> None:
    for key, value in defaults.items():
        target.setdefault(key, value)


def _pending(kind: str) -> Obj:
    return {
        "type": kind,
        "status": "Unknown",
        "reason": "Pending",
        "message": "Waiting for controller",
        "lastTransitionTime": EPOCH,
    }


def gateway(obj: Obj) -> None:
    """Fill a Gateway: its routes come from its own namespace, no controller has seen it."""
    for listener in obj["spec"].get("listeners") or ():
        _fill(listener.setdefault("allowedRoutes", {}), {"namespaces": {"from": "Same"}})
    obj["status"] = {"conditions": [_pending("Accepted"), _pending("Programmed")]}


def http_route(obj: Obj) -> None:
    """Fill an HTTPRoute: a rule without a match takes every path, a back end is a Service."""
    spec = obj["spec"]
    for parent in spec.get("parentRefs") or ():
        _fill(parent, {"group": GROUP, "kind": "Gateway"})
    _fill(spec, {"rules": [{}]})
    for rule in spec["rules"]:
        _fill(rule, {"matches": [{}]})
        for match in rule["matches"]:
            _fill(match.setdefault("path", {}), {"type": "PathPrefix", "value": "/"})
            for named in (*match.get("headers", ()), *match.get("queryParams", ())):
                _fill(named, {"type": "Exact"})
        for backend in rule.get("backendRefs") or ():
            _fill(backend, {"group": "", "kind": "Service", "weight": 1})
    obj["status"] = {"parents": []}


def gateway_class(obj: Obj) -> None:
    obj["status"] = {"conditions": [_pending("Accepted")]}
