"""Which rules lead to which service: the routes `ingress` and `http-route`. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from kfwd.kube.route_objects import (
    BackendRef,
    HTTPRoute,
    IngressService,
    RouteMatch,
    RouteRule,
    full_name,
)
from kfwd.resolve import hosts, http_filters, ingress_options
from kfwd.resolve.attachment import Attachment
from kfwd.resolve.http_route import refusal, weight_of
from kfwd.resolve.ingress_table import Location
from kfwd.resolve.rules import Rules


class LeadingRule(Struct, frozen=True, kw_only=True):
    """One rule that leads to a service.

    `namespace` and `service` are what it leads to. `host` is a pattern, an empty one any host;
    `path` and `path_type` are as the object has them; `port` is what the rule names of the service.
    `class_name` is the Ingress class or the class of the Gateway. `addresses` are where its
    controller serves it, so far as the objects say: IP addresses and host names.
    """

    kind: Literal["ingress", "http-route"]
    namespace: str
    service: str
    host: str
    path: str
    path_type: str
    port: str
    rule: str
    class_name: str | None = None
    tls: bool = False
    addresses: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def rules_to(namespace: str, service: str, rules: Rules) -> list[LeadingRule]:
    """The rules that lead to a service, the most specific host first."""
    found = [r for r in every_rule(rules) if (r.namespace, r.service) == (namespace, service)]
    return sorted(found, key=lambda item: hosts.specificity(item.host))


def every_rule(rules: Rules) -> Iterator[LeadingRule]:
    """The rules that lead to any service, be it there or not."""
    yield from _by_ingress(rules)
    yield from _by_routes(rules)


def _by_ingress(rules: Rules) -> Iterator[LeadingRule]:
    seen: set[tuple[str, ...]] = set()
    for site in rules.ingress.sites.values():
        for location in (*site.locations, *site.shadowed, site.default):
            backend = location.backend.service if location is not None else None
            if location is None or backend is None:
                continue
            key = (
                *(location.rule, location.host, location.path_type, location.path),
                backend.name,
            )
            if key not in seen:
                seen.add(key)
                yield _of_location(location, backend, location is site.default)


def _of_location(location: Location, backend: IngressService, is_default: bool) -> LeadingRule:
    notes = list(location.options.notes)
    if is_default:
        notes.append("for what no other path fits")
    if location.shadowed_by:
        notes.append(f"never used: {location.shadowed_by} has the same path and is older")
    if location.fault:
        notes.append(location.fault)
    if location.options.rewrites(location.path) and not is_default:
        notes.append(f"rewritten to {location.options.rewrite_target}")
    ingress = location.ingress
    return LeadingRule(
        kind="ingress",
        namespace=location.namespace,
        service=backend.name,
        host=location.host,
        path=location.path,
        path_type=location.path_type,
        port=str(backend.port),
        rule=location.rule,
        class_name=ingress.class_name,
        tls=ingress_options.has_tls(ingress, location.host),
        addresses=ingress.status.load_balancer.addresses,
        notes=tuple(notes),
    )


def _by_routes(rules: Rules) -> Iterator[LeadingRule]:
    table = rules.routes
    nowhere = [
        (entry.route, Attachment(hosts=entry.route.spec.hostnames or ("",), refusals=entry.reasons))
        for entry in table.unattached
    ]
    for route, where in (*table.routes, *nowhere):
        for rule in route.spec.rules or ():
            for ref in rule.backend_refs or ():
                if (ref.kind or "Service") != "Service":
                    continue
                problem = refusal(route, ref, table.grants)
                notes = (*where.refusals, *((problem.text,) if problem else ()))
                yield from _of_route(route, rule, ref, where, notes)


def _of_route(
    route: HTTPRoute, rule: RouteRule, ref: BackendRef, where: Attachment, notes: tuple[str, ...]
) -> Iterator[LeadingRule]:
    notes = (*notes, *_share(rule, ref), *http_filters.read(rule.filters).notes)
    for host in where.hosts:
        for match in rule.matches or (RouteMatch(),):
            path = match.path
            yield LeadingRule(
                kind="http-route",
                namespace=ref.namespace or route.metadata.namespace,
                service=ref.name,
                host=host,
                path=(path.value if path else None) or "/",
                path_type=(path.type if path else None) or "PathPrefix",
                port=str(ref.port or ""),
                rule=f"httproute {full_name(route)}",
                class_name=next((g.spec.gateway_class_name for g in where.gateways), None),
                tls=host in where.tls,
                addresses=tuple(a for gateway in where.gateways for a in gateway.addresses),
                notes=(*notes, *_demands(match)),
            )


def _share(rule: RouteRule, ref: BackendRef) -> tuple[str, ...]:
    total = sum(weight_of(other) for other in rule.backend_refs or ())
    if weight_of(ref) == total and total > 0:
        return ()
    return (f"takes {weight_of(ref)} of {total} requests by weight",)


def _demands(match: RouteMatch) -> tuple[str, ...]:
    """What a request needs besides its path."""
    wanted = [f"the method {match.method}"] if match.method else []
    wanted += [f"the header {item.name}" for item in match.headers or ()]
    wanted += [f"the query parameter {item.name}" for item in match.query_params or ()]
    return (f"only with {', '.join(wanted)}",) if wanted else ()
