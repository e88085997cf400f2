"""The rules of all HTTPRoutes, by host and in their order of precedence.

Source: https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule and #httproutespec. First the
host name: whole before wildcard, longer before shorter. Then the path: Exact, the longest prefix,
regular expressions (whose place the specification leaves open; longest first). Then a match with a
method, with more headers, with more query parameters; then the oldest route, its name, and the
order within it. What the best rule does not fit goes on to the next, to those of wider hosts too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl

from msgspec import Struct

from kfwd.kube.route_objects import (
    HTTPRoute,
    ReferenceGrant,
    RouteMatch,
    RouteRule,
    ValueMatch,
    age,
    full_name,
)
from kfwd.resolve import attachment, hosts, http_filters
from kfwd.resolve.attachment import Attachment, Gateways, Namespaces
from kfwd.resolve.decision import Request
from kfwd.resolve.http_filters import Filters
from kfwd.resolve.regex import BadPattern, Pattern, compile_pattern

EXACT, PREFIX, PATTERN = "Exact", "PathPrefix", "RegularExpression"
_RANK = {EXACT: 0, PREFIX: 1, PATTERN: 2}
MAX_PARAMETERS = 100
"""Query parameters looked at."""


class Demand(Struct, frozen=True):
    """A value that a header or a query parameter must have: a text, or all of a pattern."""

    name: str
    value: str | Pattern

    def met(self, given: str | None) -> bool:
        if given is None:
            return False
        if isinstance(self.value, str):
            return given == self.value
        return self.value.fullmatch(given) is not None


class Match(Struct, frozen=True, kw_only=True):
    """One of the matches of a rule, of which any is enough, ready to be tried."""

    path_type: str
    path: str
    pattern: Pattern | None
    method: str | None
    headers: tuple[Demand, ...]
    parameters: tuple[Demand, ...]

    def fits(self, request: Request) -> bool:
        """Raises `TooLong`."""
        return (
            (self.method is None or self.method == request.method)
            and self._fits_path(request)
            and all(demand.met(request.headers.get(demand.name)) for demand in self.headers)
            and (not self.parameters or self._fits_query(request))
        )

    def _fits_path(self, request: Request) -> bool:
        if self.pattern is not None:
            return self.pattern.fullmatch(request.path.decoded) is not None
        if self.path_type == EXACT:
            return request.path.decoded == self.path
        return request.path.under(self.path)

    def _fits_query(self, request: Request) -> bool:
        """Of a parameter that is given more than once, the first counts."""
        given: dict[str, str] = {}
        for name, value in _parameters(request.query):
            given.setdefault(name, value)
        return all(demand.met(given.get(demand.name)) for demand in self.parameters)

    @property
    def prefix(self) -> str | None:
        return self.path if self.path_type == PREFIX else None

    @property
    def order(self) -> tuple[object, ...]:
        """A sort key: the match that precedes has the least."""
        return (
            _RANK[self.path_type],
            -len(self.path),
            self.method is None,
            -len(self.headers),
            -len(self.parameters),
        )


class Candidate(Struct, frozen=True, kw_only=True):
    """One match of one rule. `fault` says why the match can never be tried."""

    route: HTTPRoute
    rule: RouteRule
    filters: Filters
    match: Match | None
    fault: str | None = None

    @property
    def name(self) -> str:
        return f"httproute {full_name(self.route)}"


class Unattached(Struct, frozen=True):
    """A route that no listener takes, and why."""

    route: HTTPRoute
    reasons: tuple[str, ...]

    def names(self, host: str) -> bool:
        return any(hosts.fits_gateway(name, host) for name in self.route.spec.hostnames or ())


class Table(Struct, frozen=True, kw_only=True):
    """`sites`: the candidates of each host pattern in order; an empty pattern is any host.

    `grants` None: they cannot be read.
    """

    sites: dict[str, tuple[Candidate, ...]]
    routes: tuple[tuple[HTTPRoute, Attachment], ...]
    unattached: tuple[Unattached, ...]
    grants: tuple[ReferenceGrant, ...] | None

    def patterns(self, host: str) -> Iterator[str]:
        """The host patterns with rules that fit a host, the most specific first."""
        parents = host.split(".")[1:]
        wider = (f"*.{'.'.join(parents[depth:])}" for depth in range(len(parents)))
        return (name for name in (host, *wider, "") if name in self.sites)


def build(
    routes: Iterable[HTTPRoute],
    gateways: Gateways,
    grants: Iterable[ReferenceGrant] | None,
    namespaces: Namespaces = None,
) -> Table:
    """The table of all routes that a listener takes, and beside it those that none takes."""
    found: dict[str, list[Candidate]] = {}
    attached: list[tuple[HTTPRoute, Attachment]] = []
    unattached: list[Unattached] = []
    for route in sorted(routes, key=age):
        where = attachment.attach(route, gateways, namespaces)
        if not where.hosts:
            unattached.append(Unattached(route, where.refusals))
            continue
        attached.append((route, where))
        candidates = _candidates(route)
        for host in where.hosts:
            found.setdefault(host.lower(), []).extend(candidates)
    return Table(
        sites={host: tuple(sorted(those, key=_order)) for host, those in found.items()},
        routes=tuple(attached),
        unattached=tuple(unattached),
        grants=None if grants is None else tuple(grants),
    )


def _order(candidate: Candidate) -> tuple[object, ...]:
    return candidate.match.order if candidate.match else (len(_RANK),)


def _candidates(route: HTTPRoute) -> list[Candidate]:
    found: list[Candidate] = []
    for rule in route.spec.rules or ():
        filters = http_filters.read(rule.filters)
        for wanted in rule.matches or (RouteMatch(),):
            match, fault = _compiled(wanted)
            found.append(
                Candidate(
                    route=route,
                    rule=rule,
                    filters=filters,
                    match=match,
                    fault=fault and f"a match of httproute {full_name(route)}: {fault}",
                )
            )
    return found


def _compiled(wanted: RouteMatch) -> tuple[Match | None, str | None]:
    """The match, or why it cannot be tried."""
    kind = (wanted.path.type if wanted.path else None) or PREFIX
    path = (wanted.path.value if wanted.path else None) or "/"
    if kind not in _RANK:
        return None, f"the path type {kind} is not known"
    try:
        match = Match(
            path_type=kind,
            path=path,
            pattern=_pattern(path) if kind == PATTERN else None,
            method=wanted.method,
            headers=tuple(_unique(wanted.headers, lower=True)),
            parameters=tuple(_unique(wanted.query_params, lower=False)),
        )
    except BadPattern as error:
        return None, str(error)
    return match, None


def _unique(wanted: Iterable[ValueMatch] | None, *, lower: bool) -> Iterator[Demand]:
    """The demands, of which the first of a name counts."""
    seen: set[str] = set()
    for item in wanted or ():
        name = item.name.lower() if lower else item.name
        if name not in seen:
            seen.add(name)
            yield Demand(name, _pattern(item.value) if item.type == PATTERN else item.value)


def _pattern(source: str) -> Pattern:
    try:
        return compile_pattern(source)
    except BadPattern as error:
        raise BadPattern(f"{source[:80]} {error}") from error


def _parameters(query: str) -> list[tuple[str, str]]:
    looked_at = "&".join(query.split("&", MAX_PARAMETERS)[:MAX_PARAMETERS])
    return parse_qsl(looked_at, keep_blank_values=True)
