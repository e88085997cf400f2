"""The rules of all Ingress objects, ordered host by host as ingress-nginx orders its locations.

Sources: https://kubernetes.io/docs/concepts/services-networking/ingress/ and ingress-nginx
(controller.go createServers, location.go, template.go buildLocation and enforceRegexModifier):

* Objects count from the oldest to the youngest; the same path of the same type is taken once.
* One host name has one list, whatever objects its paths are in. Without regular expressions an
  Exact path comes first, then the longest path; Prefix goes element by element and is longer than
  ImplementationSpecific, which is a prefix of the text.
* As soon as one object of a host has `use-regex`, or a `rewrite-target` that changes a path, all
  paths of that host are regular expressions, of any type, tried from the longest to the shortest,
  case-insensitive, from the start of the path and open at its end.
* Classes are not told apart: what several controllers serve at several addresses is one list here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from kfwd.kube.route_objects import Ingress, IngressBackend, IngressPath, age, full_name
from kfwd.resolve import ingress_options
from kfwd.resolve.ingress_options import Options
from kfwd.resolve.regex import BadPattern, Pattern, compile_pattern
from kfwd.wire.httppath import HttpPath

EXACT, PREFIX, SPECIFIC = "Exact", "Prefix", "ImplementationSpecific"
_RANK = {EXACT: 0, PREFIX: 1, SPECIFIC: 2}


class Location(Struct, frozen=True, kw_only=True):
    """One path of one rule. `pattern` or `fault` is set where the host's paths are patterns."""

    ingress: Ingress
    options: Options
    host: str
    path: str
    path_type: str
    backend: IngressBackend
    pattern: Pattern | None = None
    fault: str | None = None
    shadowed_by: str | None = None

    @property
    def rule(self) -> str:
        return f"ingress {full_name(self.ingress)}"

    @property
    def namespace(self) -> str:
        return self.ingress.metadata.namespace

    def covers(self, path: HttpPath) -> bool:
        """Whether the location is for `path`. Raises `TooLong`."""
        if self.fault is not None:
            return False
        if self.pattern is not None:
            return self.pattern.match(path.decoded) is not None
        return self.covers_plainly(path)

    def covers_plainly(self, path: HttpPath) -> bool:
        """The same by the path's type alone."""
        if self.path_type == EXACT:
            return path.decoded == self.path
        if self.path_type == PREFIX:
            return path.under(self.path)
        return path.decoded.startswith(self.path)


class Site(Struct, frozen=True, kw_only=True):
    """All that is known of one host: its locations in the order in which they are tried."""

    locations: tuple[Location, ...] = ()
    shadowed: tuple[Location, ...] = ()
    default: Location | None = None
    app_root: Location | None = None


class Table(Struct, frozen=True):
    """`sites` by host, a wildcard as it is written, and nothing for rules without a host."""

    sites: dict[str, Site]

    def site(self, host: str) -> Site | None:
        """The site of the most specific pattern for a host."""
        name = self.name_for(host)
        return None if name is None else self.sites[name]

    def name_for(self, host: str) -> str | None:
        """The pattern itself: the whole name, its wildcard, or the empty one."""
        wildcard = f"*.{host.partition('.')[2]}"
        return next((name for name in (host, wildcard, "") if name in self.sites), None)


def build(ingresses: Iterable[Ingress]) -> Table:
    """The table of all objects but canaries, which never decide alone."""
    found: dict[str, list[Location]] = {}
    defaults: dict[str, Location] = {}
    for ingress in sorted(ingresses, key=age):
        options = ingress_options.read(ingress)
        if not options.canary:
            _collect(ingress, options, found, defaults)
    names = found.keys() | defaults.keys()
    return Table(
        {name: _site(found.get(name, []), defaults.get(name) or defaults.get("")) for name in names}
    )


def _collect(
    ingress: Ingress,
    options: Options,
    found: dict[str, list[Location]],
    defaults: dict[str, Location],
) -> None:
    """Adds an object's locations, and its default for each of its hosts that has none yet."""
    for rule in ingress.spec.rules or ():
        host = (rule.host or "").lower()
        locations = found.setdefault(host, [])
        for path in rule.paths:
            locations.append(_location(ingress, options, host, path))
    if ingress.spec.default_backend is None:
        return
    fallback = IngressPath(path="/", path_type=PREFIX, backend=ingress.spec.default_backend)
    for host in [(rule.host or "").lower() for rule in ingress.spec.rules or ()] or [""]:
        defaults.setdefault(host, _location(ingress, options, host, fallback))


def _location(ingress: Ingress, options: Options, host: str, path: IngressPath) -> Location:
    return Location(
        ingress=ingress,
        options=options,
        host=host,
        path=path.path or "/",
        path_type=path.path_type if path.path_type in _RANK else SPECIFIC,
        backend=path.backend,
    )


def _site(locations: Sequence[Location], default: Location | None) -> Site:
    first: dict[tuple[str, str], Location] = {}
    shadowed: list[Location] = []
    for location in locations:
        winner = first.setdefault((location.path, location.path_type), location)
        if winner is not location:
            shadowed.append(replace(location, shadowed_by=winner.rule))
    return Site(
        locations=_ordered(list(first.values())),
        shadowed=tuple(shadowed),
        default=default,
        app_root=next((location for location in locations if location.options.app_root), None),
    )


def _ordered(locations: list[Location]) -> tuple[Location, ...]:
    if any(lo.options.use_regex or lo.options.rewrites(lo.path) for lo in locations):
        return _as_patterns(locations)
    return tuple(sorted(locations, key=_plain_order))


def _plain_order(location: Location) -> tuple[bool, int, int]:
    return (
        location.path_type != EXACT,
        -len(location.path.rstrip("/")),
        _RANK[location.path_type],
    )


def _as_patterns(locations: list[Location]) -> tuple[Location, ...]:
    """Longest first, then by the text downwards; the sort is stable, so the oldest stays first."""
    texts = [(text, location) for location in locations for text in _texts(location, locations)]
    texts.sort(key=lambda pair: pair[0], reverse=True)
    texts.sort(key=lambda pair: -len(pair[0]))
    return tuple(_compiled(text, location) for text, location in texts)


def _texts(location: Location, others: list[Location]) -> tuple[str, ...]:
    """The paths that ingress-nginx writes down for one; a plain Prefix has a closed one, too."""
    own = location.options
    if location.path_type != PREFIX or own.use_regex or own.rewrites(location.path):
        return (location.path,)
    closed = location.path.rstrip("/") + "/"
    if any(other.path_type == EXACT and other.path == location.path for other in others):
        return (closed,)
    return tuple(dict.fromkeys((closed, location.path)))


def _compiled(text: str, location: Location) -> Location:
    try:
        return replace(location, pattern=compile_pattern(text, ignore_case=True))
    except BadPattern as error:
        return replace(location, fault=f"the path {text} of {location.rule} {error}")
