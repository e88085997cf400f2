"""The routing rules of a whole cluster, Ingress and Gateway API together. Pure.

`build` orders the objects once, whenever they change; `decide` is asked for each request.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from kfwd.kube.route_objects import HTTPRoute, Ingress, ReferenceGrant
from kfwd.resolve import hosts, http_route, http_table, ingress, ingress_table
from kfwd.resolve.attachment import Gateways, Namespaces
from kfwd.resolve.decision import Decision, NoRule, Request, Services
from kfwd.resolve.http_route import Uniform


class RuleObjects(Struct, frozen=True, kw_only=True):
    """The objects of all namespaces that rules are made of.

    Gateways by `NAMESPACE/NAME`, labels of namespaces by name. None: not readable. A cluster
    without the Gateway API has no routes, which is not the same.
    """

    ingresses: Iterable[Ingress] = ()
    routes: Iterable[HTTPRoute] = ()
    gateways: Gateways = None
    grants: Iterable[ReferenceGrant] | None = None
    namespaces: Namespaces = None


class Rules(Struct, frozen=True):
    """The objects in the order in which they decide."""

    ingress: ingress_table.Table
    routes: http_table.Table

    def hosts(self) -> tuple[str, ...]:
        """Every host name that an object names, wildcards as they are written, sorted."""
        return tuple(sorted(name for name in self.ingress.sites | self.routes.sites if name))

    def knows(self, host: str) -> bool:
        """Whether an object names the host, be it by a wildcard. Rules for any host do not."""
        return bool(self.ingress.name_for(host)) or any(self.routes.patterns(host))


def build(objects: RuleObjects) -> Rules:
    """The rules that the objects make."""
    routes = http_table.build(objects.routes, objects.gateways, objects.grants, objects.namespaces)
    return Rules(ingress_table.build(objects.ingresses), routes)


def decide(rules: Rules, request: Request, services: Services, uniform: Uniform) -> Decision:
    """Where a request goes.

    The side that names the host more closely is asked first, HTTPRoutes where both do alike; the
    other one where the first has no rule.
    """

    def by_ingress() -> Decision:
        return ingress.decide(rules.ingress, request, services)

    def by_route() -> Decision:
        return http_route.decide(rules.routes, request, services, uniform)

    closer = _ingress_is_closer(rules, request.host)
    reasons = []
    for asked in (by_ingress, by_route) if closer else (by_route, by_ingress):
        decision = asked()
        if not isinstance(decision, NoRule):
            return decision
        reasons.append(decision.reason)
    return NoRule("; ".join(reasons))


def _ingress_is_closer(rules: Rules, host: str) -> bool:
    own = rules.ingress.name_for(host)
    others = next(rules.routes.patterns(host), None)
    if own is None or others is None:
        return own is not None
    return hosts.specificity(own) < hosts.specificity(others)
