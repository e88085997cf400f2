"""Where a request to a `proxy` subresource goes. Pure but for the choice among endpoints.

Rules and texts are those of the registries of pods, services and nodes (protocol notes F.1, F.2,
L.16). One departure: addresses in 127/8 are allowed, since all of this cluster's are.
"""

from __future__ import annotations

import posixpath
import re
import secrets
from collections.abc import Callable, Sequence
from typing import Any, Literal
from urllib.parse import quote, unquote

from msgspec import Struct

from kfwd.sim.nodenet import internal_address
from kfwd.sim.read import find
from kfwd.sim.requests import Info
from kfwd.sim.resources import BY_NAME, NODES, PODS
from kfwd.sim.status import StatusError, bad_request
from kfwd.sim.store import Store

Obj = dict[str, Any]
Scheme = Literal["http", "https"]

KUBELET_PORT = 10250
PATH = re.compile(r"^/api/v1/(?:namespaces/[^/]+/(?:pods|services)|nodes)/[^/]+/proxy(?:/|$)")
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_SCHEMES = frozenset({"http", "https", ""})
_BYTES = "surrogateescape"
"""Paths are bytes in Go: what is no UTF-8 goes on as it came."""

_KEPT_IN_PATH = "$&+,/:;=@"
_SERVICE_NAMES = {"http": 80, "https": 443}


class Target(Struct, frozen=True, kw_only=True):
    """A back end. Exactly one of `uid` (a pod), `node_address` and `kubelet` says what it is."""

    scheme: Scheme
    host: str
    port: int | None
    uid: str = ""
    node_address: str = ""
    kubelet: str = ""

    @property
    def refused(self) -> str:
        """Go's text for a port that nothing listens on."""
        return f"dial tcp {self.host}: connect: connection refused"


class Route(Struct, frozen=True):
    """A request's path, decoded, and what of it the back end sees."""

    asked: str
    path: str

    @property
    def ends_with_slash(self) -> bool:
        return self.asked.endswith("/")

    @property
    def plain_path(self) -> str:
        """The path of a request that is no upgrade, decoded; empty without a slash to go by."""
        missing = self.ends_with_slash and not self.path.endswith("/")
        return f"{self.path}/" if missing else self.path

    @property
    def prefix(self) -> str:
        """What is put in front of the back end's paths: the path as far as `proxy`."""
        return self.asked.removesuffix(self.plain_path)


def is_proxied(target: str) -> bool:
    """Whether a request target, with or without a query, is one of a `proxy` subresource."""
    return PATH.match(unquote(target.partition("?")[0])) is not None


def route(target: str) -> Route:
    """The route of a request target that `is_proxied`."""
    asked = unquote(target.partition("?")[0], errors=_BYTES)
    parts = asked.strip("/").split("/")
    below = "/".join(parts[5 if parts[2] == "nodes" else 7 :])
    return Route(asked, _cleaned(below))


def _cleaned(path: str) -> str:
    """Go's `path.Clean`, rooted; nothing stays nothing."""
    if not path:
        return ""
    clean = posixpath.normpath(re.sub(r"^/+", "/", path))
    return clean if clean.startswith("/") else f"/{clean}"


def escaped(path: str) -> str:
    """A decoded path as Go writes it into a request."""
    return quote(path or "/", safe=_KEPT_IN_PATH, errors=_BYTES)


def split(ident: str) -> tuple[Scheme, str, str] | None:
    """(scheme, name, port) of `NAME`, `NAME:PORT` or `SCHEME:NAME:PORT`."""
    match ident.split(":"):
        case [name]:
            scheme, port = "", ""
        case [name, port]:
            scheme = ""
        case [scheme, name, port]:
            pass
        case _:
            return None
    if not name or scheme not in _SCHEMES:
        return None
    return ("https" if scheme == "https" else "http"), name, port


Choose = Callable[[Sequence[Obj]], Obj]


def locate(store: Store, info: Info, choose: Choose = secrets.choice) -> Target:
    """The back end of an authorized request. Raises 400, 404, 503."""
    kind = info.resource.removesuffix("s")
    if (asked := split(info.name)) is None:
        raise bad_request(f'invalid {kind} request "{info.name}"')
    match kind:
        case "pod":
            return _pod(store, info.namespace, *asked)
        case "service":
            return _service(store, info, asked, choose)
    return _node(store, *asked)


def unavailable(message: str) -> StatusError:
    return StatusError(503, "ServiceUnavailable", message)


def _pod(store: Store, namespace: str, scheme: Scheme, name: str, port: str) -> Target:
    pod = find(store, PODS, namespace, name)
    ports = [p for c in pod["spec"].get("containers", ()) for p in c.get("ports") or ()]
    if not port and ports:
        port = str(ports[0]["containerPort"])
    address = pod.get("status", {}).get("podIP")
    if not address:
        raise bad_request("address not allowed")
    number = _number(port) if port else _SERVICE_NAMES[scheme]
    host = f"{address}:{port or number}"
    return Target(scheme=scheme, host=host, port=number, uid=pod["metadata"]["uid"])


def _number(port: str) -> int | None:
    """A port as Go's dialler reads it: a number, or a name of `/etc/services`."""
    if port.isascii() and port.isdigit() and int(port) < 65536:
        return int(port)
    return _SERVICE_NAMES.get(port)


def _service(store: Store, info: Info, asked: tuple[Scheme, str, str], choose: Choose) -> Target:
    scheme, name, port = asked
    if port.isascii() and port.isdigit():
        port = _port_name(find(store, BY_NAME["services"], info.namespace, name), int(port))
    found = find(store, BY_NAME["endpoints"], info.namespace, name)
    if not found.get("subsets"):
        raise unavailable(f'no endpoints available for service "{name}"')
    ready = [
        {**address, "port": offered["port"]}
        for subset in found["subsets"]
        for address in subset.get("addresses") or ()
        for offered in subset.get("ports") or ()
        if offered.get("name", "") == port and _is_pod(store, info.namespace, address)
    ]
    if not ready:
        raise unavailable(f'no endpoints available for service "{info.name}"')
    chosen = choose(ready)
    return Target(
        scheme=scheme,
        host=f"{chosen['ip']}:{chosen['port']}",
        port=chosen["port"],
        uid=chosen["targetRef"]["uid"],
    )


def _port_name(service: Obj, number: int) -> str:
    for port in service["spec"].get("ports") or ():
        if port["port"] == number:
            return str(port.get("name", ""))
    name = service["metadata"]["name"]
    raise unavailable(f'no service port {number} found for service "{name}"')


def _is_pod(store: Store, namespace: str, address: Obj) -> bool:
    """Whether the address is that of the pod it says it is."""
    ref = address.get("targetRef") or {}
    pod = store.get("pods", namespace, ref.get("name", ""))
    return pod is not None and pod.get("status", {}).get("podIP") == address["ip"]


def _node(store: Store, scheme: Scheme, name: str, port: str) -> Target:
    node = find(store, NODES, "", name)
    address = internal_address(node)
    number = _number(port) if port else KUBELET_PORT
    host = f"{address}:{port or number}"
    if number == KUBELET_PORT:
        return Target(scheme="https", host=host, port=number, kubelet=name)
    if not address.startswith("127."):
        raise bad_request("address not allowed")
    return Target(scheme=scheme, host=host, port=number, node_address=address)
