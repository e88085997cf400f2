"""What the HTTPRoutes of a cluster make of a request. Pure but for the choice by weight.

Source: https://gateway-api.sigs.k8s.io/reference/spec/#httproute. Two things are done differently
because kfwd serves plain HTTP on one local port: a rule that only redirects to https is passed over
while another one fits (it would hide the routes of the HTTPS listener, which are wanted), and a
reference that leads nowhere is answered with 503 where the specification says 500, the same as for
an Ingress.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from kfwd.kube.route_objects import (
    GATEWAY_GROUP,
    BackendRef,
    HTTPRoute,
    ReferenceGrant,
    RequestRedirect,
)
from kfwd.resolve import backends, http_filters
from kfwd.resolve.decision import Broken, Decision, Forward, NoRule, Redirect, Request, Services
from kfwd.resolve.facts import Unresolved
from kfwd.resolve.http_filters import Filters
from kfwd.resolve.http_table import Candidate, Table
from kfwd.resolve.regex import TooLong

Uniform = Callable[[], float]
"""A random number from 0 up to but not 1, as `random.random`."""


def decide(table: Table, request: Request, services: Services, uniform: Uniform) -> Decision:
    """Where a request goes by the HTTPRoutes in `table`."""
    tried = [c for name in table.patterns(request.host) for c in table.sites[name]]
    if not tried:
        return NoRule(_unnamed(table, request.host))
    try:
        found = _best(tried, request)
    except TooLong as error:
        return Broken(code="path-too-long", reason=str(error), status=414)
    faults = tuple(dict.fromkeys(c.fault for c in tried if c.fault))
    if found is None and faults:
        return Broken(code="bad-pattern", reason=faults[0])
    if found is None:
        return NoRule(f"no HTTPRoute for {request.host} fits {request.path.decoded}")
    notes = found.filters.notes + faults
    try:
        decision = _served(found, request, table.grants, services, uniform)
    except Unresolved as error:
        return backends.broken(error, found.name, notes)
    return replace(decision, rule=found.name, notes=notes + decision.notes)


def _unnamed(table: Table, host: str) -> str:
    for entry in table.unattached:
        if entry.names(host):
            name = f"{entry.route.metadata.namespace}/{entry.route.name}"
            return f"httproute {name} is for {host}, but {'; '.join(entry.reasons)}"
    return f"no HTTPRoute is for the host {host}"


def _best(tried: Sequence[Candidate], request: Request) -> Candidate | None:
    """The first that fits and does not only redirect to https; else the first that fits."""
    last_resort: Candidate | None = None
    for candidate in tried:
        if candidate.match is None or not candidate.match.fits(request):
            continue
        if not candidate.filters.only_to_https:
            return candidate
        last_resort = last_resort or candidate
    return last_resort


def _served(
    found: Candidate,
    request: Request,
    grants: Sequence[ReferenceGrant] | None,
    services: Services,
    uniform: Uniform,
) -> Forward | Redirect:
    """The rule's redirect, or one of its backends. Raises `Unresolved`."""
    assert found.match is not None
    prefix, filters = found.match.prefix, found.filters
    if filters.redirect is not None:
        return _redirect(filters, filters.redirect, request, prefix)
    chosen = choose(found.rule.backend_refs or (), uniform)
    namespace = chosen.namespace or found.route.metadata.namespace
    problem = refusal(found.route, chosen, grants)
    if problem is not None:
        raise problem
    backends.check(services, namespace, chosen.name, str(chosen.port or ""))
    own = http_filters.read(chosen.filters)
    rewrite = filters.rewrite or own.rewrite
    return Forward(
        namespace=namespace,
        service=chosen.name,
        port=str(chosen.port),
        path=http_filters.rewritten(request.path, rewrite.path if rewrite else None, prefix),
        query=request.query,
        host=http_filters.rewritten_host(rewrite),
        request_headers=filters.request.then(own.request),
        response_headers=filters.response.then(own.response),
        notes=own.notes + _unread(found.route, namespace, grants),
    )


def _redirect(
    filters: Filters, redirect: RequestRedirect, request: Request, prefix: str | None
) -> Redirect:
    answer, scheme = http_filters.redirected(redirect, request, prefix)
    notes = () if scheme == "http" else (f"it leads to {scheme}, which kfwd does not serve",)
    return replace(answer, response_headers=filters.response, notes=notes)


def choose(refs: Sequence[BackendRef], uniform: Uniform) -> BackendRef:
    """One backend by weight (1 where none is given), broken ones included as the API wants it.

    Raises `Unresolved` (`no-backend`).
    """
    weighed = [(ref, weight_of(ref)) for ref in refs if weight_of(ref) > 0]
    if not weighed:
        what = "all its backends have the weight 0" if refs else "it has no backend"
        raise Unresolved("no-backend", what)
    point = uniform() * sum(weight for _, weight in weighed)
    for ref, weight in weighed:
        point -= weight
        if point < 0:
            return ref
    return weighed[-1][0]


def weight_of(ref: BackendRef) -> int:
    return 1 if ref.weight is None else ref.weight


def refusal(
    route: HTTPRoute, ref: BackendRef, grants: Sequence[ReferenceGrant] | None
) -> Unresolved | None:
    """Why a reference must not be followed, whether or not what it names exists."""
    if (ref.kind or "Service") != "Service" or ref.group:
        return Unresolved("not-supported", f"its backend is {ref.kind} {ref.name}, not a service")
    own = route.metadata.namespace
    other = ref.namespace or own
    if other == own or grants is None or any(_grants(g, own, other, ref.name) for g in grants):
        return None
    return Unresolved(
        "not-allowed",
        f"no ReferenceGrant in namespace {other} lets HTTPRoutes of {own} use svc/{ref.name}",
    )


def _grants(grant: ReferenceGrant, own: str, other: str, service: str) -> bool:
    return (
        grant.metadata.namespace == other
        and any(
            (given.group, given.kind, given.namespace) == (GATEWAY_GROUP, "HTTPRoute", own)
            for given in grant.spec.from_ or ()
        )
        and any(
            (to.group, to.kind) == ("", "Service") and to.name in {None, "", service}
            for to in grant.spec.to or ()
        )
    )


def _unread(
    route: HTTPRoute, namespace: str, grants: Sequence[ReferenceGrant] | None
) -> tuple[str, ...]:
    if grants is None and namespace != route.metadata.namespace:
        return ("the ReferenceGrants cannot be read: one is taken to be there",)
    return ()
