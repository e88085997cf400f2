"""Label and field selectors, from query strings and from `spec.selector`. Pure.

Grammar: apimachinery `labels/selector.go` and `fields/selector.go`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Obj = dict[str, Any]
Labels = Mapping[str, str]
Test = Callable[[Labels], bool]

_SET = re.compile(r"^(?P<key>[^\s!=,()]+)\s+(?P<op>in|notin)\s+\((?P<values>[^)]*)\)$")
_EQUAL = re.compile(r"^(?P<key>[^\s!=,()]+)\s*(?P<op>==|=|!=)\s*(?P<value>[^\s!=,()]*)$")
_EXISTS = re.compile(r"^(?P<not>!?)\s*(?P<key>[^\s!=,()]+)$")
_COMMA = re.compile(r",(?![^(]*\))")

EVERY_KIND = frozenset({"metadata.name", "metadata.namespace"})
FIELDS: dict[str, frozenset[str]] = {
    "pods": frozenset(
        {
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        }
    ),
    "events": frozenset(
        {"reason", "type", "source", "reportingComponent"}
        | {f"involvedObject.{f}" for f in ("kind", "namespace", "name", "uid", "apiVersion")}
    ),
    "nodes": frozenset({"spec.unschedulable"}),
    "namespaces": frozenset({"status.phase"}),
    "secrets": frozenset({"type"}),
    "replicasets": frozenset({"status.replicas"}),
    "jobs": frozenset({"status.successful"}),
    "services": frozenset({"spec.clusterIP", "spec.type"}),
}


def _in(key: str, values: set[str]) -> Test:
    return lambda labels: labels.get(key) in values


def _not_in(key: str, values: set[str]) -> Test:
    return lambda labels: labels.get(key) not in values


def _exists(key: str, wanted: bool) -> Test:
    return lambda labels: (key in labels) is wanted


def _label_test(term: str) -> Test:
    if match := _SET.match(term):
        values = {value.strip() for value in match["values"].split(",")}
        return (_in if match["op"] == "in" else _not_in)(match["key"], values)
    if match := _EQUAL.match(term):
        return (_not_in if match["op"] == "!=" else _in)(match["key"], {match["value"]})
    if match := _EXISTS.match(term):
        return _exists(match["key"], not match["not"])
    raise ValueError(f"unable to parse requirement: {term!r}")


def labels(text: str) -> Test:
    """A `labelSelector` query value. Raises ValueError for one that does not parse."""
    tests = [_label_test(term.strip()) for term in _COMMA.split(text) if term.strip()]
    return lambda found: all(test(found) for test in tests)


def _expression_test(expression: Obj) -> Test:
    key, operator = expression["key"], expression["operator"]
    values = set(expression.get("values") or ())
    match operator:
        case "In":
            return _in(key, values)
        case "NotIn":
            return _not_in(key, values)
        case "Exists" | "DoesNotExist":
            return _exists(key, operator == "Exists")
    raise ValueError(f"{operator!r} is not a valid label selector operator")


def label_selector(selector: Obj) -> Test:
    """A LabelSelector object: `matchLabels` and `matchExpressions`, all of which must hold."""
    tests = [_in(key, {value}) for key, value in (selector.get("matchLabels") or {}).items()]
    tests += [_expression_test(e) for e in selector.get("matchExpressions") or ()]
    return lambda found: all(test(found) for test in tests)


def labels_of(obj: Obj) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}


def _field_value(obj: Obj, path: str) -> str:
    """A field as a selector compares it; absent is empty, except booleans, which are `false`."""
    value: object = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        return "false" if path in {"spec.unschedulable", "spec.hostNetwork"} else ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def field_terms(text: str) -> list[tuple[str, str, bool]]:
    """A `fieldSelector` query value as (path, value, equal)."""
    terms = []
    for term in filter(None, text.split(",")):
        match = re.match(r"^(?P<path>[^!=]+)(?P<op>==|=|!=)(?P<value>.*)$", term)
        if match is None:
            raise ValueError(f"invalid selector: {term!r}; can't understand {term!r}")
        terms.append((match["path"], match["value"], match["op"] != "!="))
    return terms


def fields(text: str, resource: str) -> Callable[[Obj], bool]:
    """A `fieldSelector` query value. Raises ValueError where the kind has no such selector."""
    terms = field_terms(text)
    for path, _, _ in terms:
        if path not in EVERY_KIND | FIELDS.get(resource, frozenset()):
            raise ValueError(f"field label not supported: {path}")
    return lambda obj: all((_field_value(obj, p) == value) is equal for p, value, equal in terms)


def both(label_text: str, field_text: str, resource: str) -> Callable[[Obj], bool]:
    """Objects that both query values select."""
    by_label, by_field = labels(label_text), fields(field_text, resource)
    return lambda obj: by_label(labels_of(obj)) and by_field(obj)
