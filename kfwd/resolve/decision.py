"""What a routing rule makes of an HTTP request: the request, and the four answers there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote

from msgspec import Struct

from kfwd.kube.objects import Service
from kfwd.wire.httppath import HttpPath

Services = Mapping[str, Service] | None
"""Services by `NAMESPACE/NAME`, as a reflector of all namespaces has them. None: not readable."""

_TARGET = "!#$%&'()*+,-./:;=?@[]_~"
"""What may stand in a Location as it is (RFC 3986 section 2.2, and the percent sign)."""


class Request(Struct, frozen=True, kw_only=True):
    """As much of a request as rules look at.

    `host` is a bare name in lower case (`hosts.name_of`); `authority` is what redirects to the same
    host name, with the port that the client used. `headers` are by lower-case name, the first value
    of each. `query` has no question mark.
    """

    host: str
    path: HttpPath
    authority: str = ""
    method: str = "GET"
    headers: Mapping[str, str] = {}
    query: str = ""


class HeaderChanges(Struct, frozen=True, kw_only=True):
    """Changes to a head, in the order of the Gateway API: set, add, remove. Names as written."""

    set: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()

    def applied(self, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """The headers with the changes made; what they do not name stays as and where it is."""
        gone = {name.lower() for name, _ in self.set} | {name.lower() for name in self.remove}
        kept = [pair for pair in headers if pair[0].lower() not in gone]
        removed = {name.lower() for name in self.remove}
        return kept + [pair for pair in self.set + self.add if pair[0].lower() not in removed]

    def then(self, later: HeaderChanges) -> HeaderChanges:
        """These changes and `later` ones, where a name's last change counts."""
        renewed = {name.lower() for name, _ in later.set} | {name.lower() for name in later.remove}
        return HeaderChanges(
            set=tuple(p for p in self.set if p[0].lower() not in renewed) + later.set,
            add=tuple(p for p in self.add if p[0].lower() not in renewed) + later.add,
            remove=tuple(n for n in self.remove if n.lower() not in renewed) + later.remove,
        )


class Forward(Struct, frozen=True, kw_only=True):
    """The request goes to a service that exists and has the port (as far as can be known).

    `port` is a number or a name, as `resolve` takes it. `path` is percent-encoded and normal.
    `host` replaces the Host header where it is set. `rule` is the object, as `ingress shop/web`;
    `notes` say where the answer differs from the one that the cluster would give.
    """

    namespace: str
    service: str
    port: str
    path: str
    query: str = ""
    host: str | None = None
    request_headers: HeaderChanges = HeaderChanges()
    response_headers: HeaderChanges = HeaderChanges()
    rule: str = ""
    notes: tuple[str, ...] = ()


class Redirect(Struct, frozen=True, kw_only=True):
    """The client is sent to `location`, an absolute URL."""

    status: int
    location: str
    response_headers: HeaderChanges = HeaderChanges()
    rule: str = ""
    notes: tuple[str, ...] = ()


class NoRule(Struct, frozen=True):
    """No rule is for this host, or none of the host's is for this request: 404."""

    reason: str


class Broken(Struct, frozen=True, kw_only=True):
    """A rule is for this request and leads nowhere. `status` is the HTTP status to answer.

    Codes: `not-found`, `no-such-port`, `external-name`, `not-allowed`, `no-backend`,
    `not-supported`, `bad-pattern`, `bad-path`, `path-too-long`, and those of `resolve.ports`.
    """

    code: str
    reason: str
    hint: str | None = None
    status: int = 503
    rule: str = ""
    notes: tuple[str, ...] = ()


Decision = Forward | Redirect | NoRule | Broken


def absolute(scheme: str, authority: str, target: str) -> str:
    """A URL for a Location header."""
    return escaped(f"{scheme}://{authority}{target}")


def escaped(url: str) -> str:
    """A URL out of a cluster object: what must not stand in a header is percent-encoded."""
    return quote(url, safe=_TARGET)
