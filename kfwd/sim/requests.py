"""What a request asks for: verb and resource from method, path and query. Pure.

The rules are apiserver's `endpoints/request/requestinfo.go`.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote

from msgspec import Struct

from kfwd.sim.selectors import field_terms

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_TRUE = frozenset({"1", "true", "True", "TRUE", "t", "T"})


class Info(Struct, frozen=True, kw_only=True):
    """A request as authorization sees it. `resource` is empty for paths like `/version`."""

    verb: str
    path: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def full_resource(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def query_of(raw: str) -> dict[str, str]:
    """A query string as a mapping; of a repeated name the first counts, as in Go."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        found.setdefault(name, value)
    return found


def truthy(value: str | None) -> bool:
    return value in _TRUE


def _plain(method: str, path: str) -> Info:
    return Info(verb=method.lower(), path=path)


def _verb(method: str, name: str, query: dict[str, str]) -> str:
    if method not in {"GET", "HEAD"}:
        return "deletecollection" if method == "DELETE" and not name else _VERBS.get(method, "")
    if name:
        return "get"
    return "watch" if truthy(query.get("watch")) else "list"


def _selected_name(query: dict[str, str]) -> str:
    """The name that a list or watch by `metadata.name` is about; rules may name it."""
    try:
        terms = field_terms(query.get("fieldSelector", ""))
    except ValueError:
        return ""
    return next((v for path, v, equal in terms if path == "metadata.name" and equal), "")


def parse(method: str, path: str, query: dict[str, str]) -> Info:
    """The Info of a request. `path` is as sent, without the query."""
    parts = unquote(path).strip("/").split("/")
    if parts[0] == "api" and len(parts) >= 3:
        group, version, parts = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, parts = parts[1], parts[2], parts[3:]
    else:
        return _plain(method, path)
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 1:
        namespace = parts[1]
        if len(parts) > 2 and parts[2] not in {"status", "finalize"}:
            parts = parts[2:]
    resource, name, subresource = [*parts, "", ""][:3]
    verb = _verb(method, name, query)
    if verb in {"list", "watch", "deletecollection"}:
        name = _selected_name(query)
    return Info(
        verb=verb,
        path=path,
        group=group,
        version=version,
        resource=resource,
        subresource=subresource,
        namespace=namespace,
        name=name,
    )
