"""What the filters of an HTTPRoute rule do: headers, rewrites and redirects.

Source: https://gateway-api.sigs.k8s.io/reference/spec/#httproutefilter
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from msgspec import Struct

from kfwd.errors import ProtocolError
from kfwd.kube.route_objects import (
    Header,
    HeaderModifier,
    PathModifier,
    RequestRedirect,
    RouteFilter,
    URLRewrite,
)
from kfwd.resolve import hosts
from kfwd.resolve.decision import HeaderChanges, Redirect, Request, absolute
from kfwd.resolve.facts import Unresolved
from kfwd.wire import http1, httppath
from kfwd.wire.httppath import HttpPath

_PATH = "!$%&'()*+,-./:;=@_~"
_HOST = re.compile(r"[A-Za-z0-9.-]+")
_FRAMING = {*http1.HOP_BY_HOP, "content-length"}


class Filters(Struct, frozen=True, kw_only=True):
    """The filters of a rule or of a backend, read once."""

    request: HeaderChanges = HeaderChanges()
    response: HeaderChanges = HeaderChanges()
    redirect: RequestRedirect | None = None
    rewrite: URLRewrite | None = None
    notes: tuple[str, ...] = ()

    @property
    def only_to_https(self) -> bool:
        """Whether it redirects to the same URL with https and nothing else."""
        redirect = self.redirect
        if redirect is None or (redirect.scheme or "").lower() != "https":
            return False
        return redirect.hostname is None and redirect.path is None and redirect.port in {None, 443}


def read(filters: Iterable[RouteFilter] | None) -> Filters:
    """The filters in one record; in `notes`, those that are not followed."""
    request = response = HeaderChanges()
    redirect: RequestRedirect | None = None
    rewrite: URLRewrite | None = None
    notes: list[str] = []
    for item in filters or ():
        if item.request_header_modifier is not None:
            request = request.then(_changes(item.request_header_modifier, notes))
        elif item.response_header_modifier is not None:
            response = response.then(_changes(item.response_header_modifier, notes))
        elif item.request_redirect is not None:
            redirect = item.request_redirect
        elif item.url_rewrite is not None:
            rewrite = item.url_rewrite
        else:
            notes.append(f"the filter {item.type} is not followed")
    return Filters(
        request=request, response=response, redirect=redirect, rewrite=rewrite, notes=tuple(notes)
    )


def _changes(modifier: HeaderModifier, notes: list[str]) -> HeaderChanges:
    """What it changes. Nobody's rule says where a message ends, or adds lines within a value."""

    def usable(headers: Iterable[Header] | None) -> tuple[tuple[str, str], ...]:
        pairs = [(header.name, header.value) for header in headers or ()]
        bad = [name for name, value in pairs if not _may_set(name, value)]
        notes.extend(f"the header {name[:40]!r} cannot be set" for name in bad)
        return tuple(pair for pair in pairs if _may_set(*pair))

    kept = tuple(name for name in modifier.remove or () if name.lower() not in _FRAMING)
    return HeaderChanges(set=usable(modifier.set), add=usable(modifier.add), remove=kept)


def _may_set(name: str, value: str) -> bool:
    return name.lower() not in _FRAMING and http1.is_line(name, value)


def rewritten(path: HttpPath, modifier: PathModifier | None, prefix: str | None) -> str:
    """The path as a modifier leaves it, percent-encoded. `prefix` is the PathPrefix that matched.

    Raises `Unresolved` (codes `not-supported`, `bad-path`).
    """
    if modifier is None:
        return path.sent
    if modifier.type == "ReplaceFullPath":
        return _clean(modifier.replace_full_path or "/")
    if modifier.type != "ReplacePrefixMatch":
        raise Unresolved("not-supported", f"it rewrites by {modifier.type}, which is not known")
    if prefix is None:
        text = "it replaces a prefix, but what it matches is not a PathPrefix"
        raise Unresolved("not-supported", text)
    replacement = (modifier.replace_prefix_match or "").rstrip("/")
    return _clean(f"{replacement}{path.rest(prefix)}" or "/")


def rewritten_host(rewrite: URLRewrite | None) -> str | None:
    """The name that the app is told instead of the client's, if any. Raises `Unresolved`."""
    name = rewrite.hostname if rewrite else None
    if name is not None and not _HOST.fullmatch(name):
        raise Unresolved("not-supported", f"it rewrites the host to {name[:80]!r}, which is none")
    return name


def _clean(path: str) -> str:
    """A rewritten path in its normal form."""
    try:
        return httppath.parse(quote(path, safe=_PATH).encode("ascii")).sent
    except ProtocolError as error:
        raise Unresolved("bad-path", f"it makes a path that is refused: {error.text}") from error


def redirected(
    redirect: RequestRedirect, request: Request, prefix: str | None
) -> tuple[Redirect, str]:
    """The redirect as an answer, and the scheme it leads to. Raises `Unresolved`.

    A redirect that stays on HTTP keeps the port of the client's request: here, that is the port of
    the listener which the specification asks for.
    """
    scheme = (redirect.scheme or "http").lower()
    path = rewritten(request.path, redirect.path, prefix)
    target = f"{path}?{request.query}" if request.query else path
    location = absolute(scheme, _authority(redirect, request, scheme), target)
    return Redirect(status=redirect.status_code or 302, location=location), scheme


def _authority(redirect: RequestRedirect, request: Request, scheme: str) -> str:
    own = request.authority or request.host
    default = 443 if scheme == "https" else 80
    port = "" if redirect.port in {None, default} else str(redirect.port)
    if scheme == "http" and not port:
        if redirect.hostname is None:
            return own
        port = hosts.port_of(own)
    name = redirect.hostname or own.removesuffix(f":{hosts.port_of(own)}")
    return f"{name}:{port}" if port else name
