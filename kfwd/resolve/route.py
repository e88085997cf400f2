"""A route: one of the ways an app can be reached, and what must be tried to know whether it works.

Pure records, and the order in which people want to see them (design section 8).
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from kfwd.api_model import RouteKind, RouteState

WEB_PORTS = frozenset({80, 443, 3000, 4200, 5000, 8000, 8080, 8081, 8443, 8888, 9090})
_USUAL = frozenset({80, 443, 8080, 8443})
_WEB_NAMES = ("http", "web", "www", "ui", "dashboard", "console")
TLS_PORTS = frozenset({443, 8443})

_STATES: tuple[RouteState, ...] = ("works", "unknown", "pending", "fails")
_KINDS: tuple[RouteKind, ...] = (
    "ingress",
    "http-route",
    "load-balancer",
    "gateway",
    "host-port",
    "host-network",
    "node-port",
    "cluster-ip",
    "port-forward",
    "api-proxy",
)
"""The best first: a name that lasts, then an address that lasts, then what needs the API server."""

COSTS: dict[RouteKind, str] = {
    "port-forward": "through the API server to one pod at a time",
    "api-proxy": "HTTP only, under a long path, without its own Authorization header",
    "cluster-ip": "",
    "node-port": "lasts as long as the node",
    "load-balancer": "",
    "host-port": "lasts as long as the pod is on this node",
    "host-network": "lasts as long as the pod is on this node",
    "ingress": "",
    "http-route": "",
    "gateway": "while the kfwd gateway is up",
}


ProxyResource = Literal["services", "pods"]


class Tcp(Struct, frozen=True, kw_only=True):
    """Connect."""

    host: str
    port: int


class Http(Struct, frozen=True, kw_only=True):
    """Ask for a page of `authority`, which is at `host`.

    Where `host` is not known by DNS, `at` may be where its controller answers all the same.
    """

    tls: bool
    host: str
    port: int
    authority: str
    path: str
    at: tuple[str, ...] = ()


class PortForward(Struct, frozen=True, kw_only=True):
    """Open a port of a pod through the API server."""

    namespace: str
    pod: str
    port: int


class ApiProxy(Struct, frozen=True, kw_only=True):
    """Ask through the API server's proxy. `id` is `[SCHEME:]NAME:PORT` as RBAC sees it.

    `web`: the port looks like HTTP; other ports are not asked, only whether we might.
    """

    resource: ProxyResource
    namespace: str
    id: str
    path: str
    web: bool


Trial = Tcp | Http | PortForward | ApiProxy


class Candidate(Struct, frozen=True, kw_only=True):
    """A way that exists. Without a `trial` its `state` and `note` are final.

    `note` is what is known of it before it is tried. `web`: a browser may be able to use it.
    """

    kind: RouteKind
    address: str
    trial: Trial | None = None
    state: RouteState = "unknown"
    note: str = ""
    web: bool = False

    @property
    def layer(self) -> Literal[4, 7]:
        return 7 if self.kind in {"api-proxy", "ingress", "http-route", "gateway"} else 4


def order(
    kind: RouteKind, state: RouteState, web: bool, latency_ms: float | None
) -> tuple[int, bool, int, float]:
    """A sort key, the best first."""
    slowness = latency_ms if latency_ms is not None else float("inf")
    return _STATES.index(state), not web, _KINDS.index(kind), slowness


def looks_web(number: int, name: str = "", protocol: str | None = None) -> bool:
    """Whether a port is likely to speak HTTP."""
    if protocol:
        return protocol.lower().removeprefix("kubernetes.io/") in {"http", "https", "ws", "wss"}
    return name.startswith(_WEB_NAMES) or number in (_USUAL if name else WEB_PORTS)


def looks_tls(number: int, name: str = "", protocol: str | None = None) -> bool:
    """Whether a port is likely to want TLS first."""
    secure = (protocol or "").lower() in {"https", "wss", "kubernetes.io/wss"}
    return secure or name.startswith("https") or number in TLS_PORTS
