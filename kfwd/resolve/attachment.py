"""Which listeners of which Gateways take an HTTPRoute, and for which host names.

Source: https://gateway-api.sigs.k8s.io/reference/spec/ (ParentReference, AllowedRoutes, Hostname).
What a controller wrote into the route's status is not asked: the objects say the same, and they say
it without a controller too. Listeners are not kept apart by port or TLS; one local port serves all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from kfwd.kube.route_objects import (
    GATEWAY_GROUP,
    Gateway,
    HTTPRoute,
    Listener,
    ParentReference,
)
from kfwd.resolve import hosts, selectors

Gateways = Mapping[str, Gateway] | None
"""Gateways by `NAMESPACE/NAME`. None: not readable."""

Namespaces = Mapping[str, Mapping[str, str]] | None
"""The labels of namespaces by name. None: not readable."""

_PROTOCOLS = {"HTTP", "HTTPS"}


class Attachment(Struct, frozen=True, kw_only=True):
    """Where a route is served: `hosts` are patterns, of which an empty one is any host.

    `refusals` say why a parent does not take it. Without hosts nothing takes the route.
    """

    hosts: tuple[str, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    tls: frozenset[str] = frozenset()
    refusals: tuple[str, ...] = ()


def attach(route: HTTPRoute, gateways: Gateways, namespaces: Namespaces) -> Attachment:
    """The attachment of a route. With gateways that cannot be read it is taken to be accepted."""
    if gateways is None:
        unread = ("the Gateways cannot be read: they are taken to accept it",)
        return Attachment(hosts=route.spec.hostnames or ("",), refusals=unread)
    found: dict[str, None] = {}
    taking: dict[str, Gateway] = {}
    tls: set[str] = set()
    refusals: list[str] = []
    for parent in route.spec.parent_refs or ():
        name = f"{parent.namespace or route.metadata.namespace}/{parent.name}"
        gateway = gateways.get(name)
        if problem := _no_gateway(parent, name, gateway):
            refusals.append(problem)
            continue
        assert gateway is not None
        shared, problems = _of_listeners(route, parent, gateway, namespaces)
        refusals += [] if shared else problems
        for host, listener in shared:
            found[host] = None
            taking[name] = gateway
            tls |= {host} if listener.protocol == "HTTPS" else set()
    if not route.spec.parent_refs:
        refusals.append("it names no Gateway")
    return Attachment(
        hosts=tuple(found),
        gateways=tuple(taking.values()),
        tls=frozenset(tls),
        refusals=tuple(refusals),
    )


def _no_gateway(parent: ParentReference, name: str, gateway: Gateway | None) -> str | None:
    kind = parent.kind or "Gateway"
    if kind != "Gateway" or (parent.group or GATEWAY_GROUP) != GATEWAY_GROUP:
        return f"its parent {kind} {name} is no Gateway"
    return f"there is no Gateway {name}" if gateway is None else None


def _of_listeners(
    route: HTTPRoute, parent: ParentReference, gateway: Gateway, namespaces: Namespaces
) -> tuple[list[tuple[str, Listener]], list[str]]:
    """The host patterns that the route shares with listeners; and the listeners' refusals."""
    shared: list[tuple[str, Listener]] = []
    problems: list[str] = []
    name = f"{gateway.metadata.namespace}/{gateway.name}"
    meant = [lis for lis in gateway.spec.listeners or () if _is_meant(lis, parent)]
    if not meant:
        problems.append(f"Gateway {name} has no listener {_section(parent)}".rstrip())
    for listener in meant:
        refusal = _refusal(route, listener, gateway, namespaces)
        common = list(_common_hosts(route, listener))
        if refusal is None and common:
            shared += [(host, listener) for host in common]
        else:
            why = refusal or f"is for {listener.hostname} alone"
            problems.append(f"listener {listener.name} of Gateway {name} {why}")
    return shared, problems


def _is_meant(listener: Listener, parent: ParentReference) -> bool:
    if parent.section_name and parent.section_name != listener.name:
        return False
    return parent.port is None or parent.port == listener.port


def _section(parent: ParentReference) -> str:
    port = f"on port {parent.port}" if parent.port else ""
    return f"{parent.section_name or ''} {port}".strip()


def _refusal(
    route: HTTPRoute, listener: Listener, gateway: Gateway, namespaces: Namespaces
) -> str | None:
    """Why a listener does not take a route, as a predicate."""
    if listener.protocol not in _PROTOCOLS:
        return f"speaks {listener.protocol}"
    allowed = listener.allowed_routes
    kinds = allowed.kinds if allowed else None
    if kinds and not any(k.kind == "HTTPRoute" and _own_group(k.group) for k in kinds):
        return "takes no HTTPRoutes"
    if not _takes_namespace(route.metadata.namespace, listener, gateway, namespaces):
        return f"takes no routes of namespace {route.metadata.namespace}"
    return None


def _own_group(group: str | None) -> bool:
    return group is None or group == GATEWAY_GROUP


def _takes_namespace(
    namespace: str, listener: Listener, gateway: Gateway, namespaces: Namespaces
) -> bool:
    rule = listener.allowed_routes.namespaces if listener.allowed_routes else None
    whose = (rule.from_ if rule else None) or "Same"
    if whose == "Selector" and rule is not None and rule.selector is not None:
        if namespaces is None:
            return True
        return selectors.from_object(rule.selector).accepts(namespaces.get(namespace, {}))
    return whose == "All" or (whose == "Same" and namespace == gateway.metadata.namespace)


def _common_hosts(route: HTTPRoute, listener: Listener) -> Iterator[str]:
    names: Iterable[str] = route.spec.hostnames or ("",)
    for name in names:
        common = hosts.intersection(name, listener.hostname or "")
        if common is not None:
            yield common
