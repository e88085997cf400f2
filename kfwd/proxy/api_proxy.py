"""The whole API of a cluster on a local listener, as `kubectl proxy` serves it (protocol notes G).

What differs is on the safe side, and listed in docs/proxy.md: paths are checked in the one form in
which they are sent on, and requests that another site's page makes a browser send are refused.
"""

from __future__ import annotations

import html
import posixpath
import re
from pathlib import Path

from msgspec import Struct

from kfwd.errors import HttpError, KfwdError, ProtocolError
from kfwd.proxy import origin, passing
from kfwd.proxy.decision import Answer, Decision, Forward, page
from kfwd.proxy.files import Files
from kfwd.proxy.filters import Filter
from kfwd.proxy.upstream import Client, Upstreams
from kfwd.wire import http1_target, httppath
from kfwd.wire.http1 import RequestHead
from kfwd.wire.http1_target import Target
from kfwd.wire.httppath import HttpPath

NOT_FOUND = page(404, "404 page not found")
FORBIDDEN = page(403, "Forbidden")
API = "/api"
_HIDDEN_DOTS = re.compile(r"/(?:\.|%2e){1,2}(?:/|\Z)", re.IGNORECASE)


class Options(Struct, frozen=True, kw_only=True):
    """How the API is served: kubectl proxy's flags. Without `filter` nothing is refused."""

    filter: Filter | None
    api_prefix: str = "/"
    www: Path | None = None
    www_prefix: str = "/static/"


class ApiProxy:
    """Decides about requests to one API server."""

    def __init__(self, upstreams: Upstreams, options: Options) -> None:
        self._upstreams = upstreams
        self._filter = options.filter
        self._prefix = slashed(options.api_prefix)
        self._strips = not self._prefix.startswith(API)
        self._files_at = slashed(options.www_prefix)
        self._files = Files(options.www) if options.www is not None else None

    async def decide(self, request: RequestHead, client: Client) -> Decision:
        target = http1_target.parse(request)
        if target.form == "asterisk":
            return Answer(200 if request.method == "OPTIONS" else 400)
        if target.form == "authority":
            return NOT_FOUND
        upgrade = passing.upgrades(request)
        if self._filter is not None:
            own = target.authority
            refusal = origin.refusal(request, lambda other: other == own, upgrade=upgrade)
            if refusal is not None:
                return page(403, refusal)
        if (clean := self._moved(target)) is not None:
            return redirect(request, target.with_query(clean))
        path = read_path(target.path)
        if self._files is not None and path.decoded.startswith(self._files_at):
            return await self._file(request, target, path)
        return self._pass(request, client, target, path, upgrade)

    def _moved(self, target: Target) -> str | None:
        """Where a path is found that is not in the form in which paths are served (Go's mux)."""
        clean = cleaned(target.path)
        served = [self._prefix, *([self._files_at] if self._files else [])]
        if f"{clean}/" in served and clean not in served:
            clean = f"{clean}/"
        return clean if clean != target.path else None

    async def _file(self, request: RequestHead, target: Target, path: HttpPath) -> Answer:
        assert self._files is not None
        if self._filter is not None and not self._filter.accepts_host(target.authority):
            return FORBIDDEN
        return await self._files.answer(request, path.decoded[len(self._files_at) :])

    def _pass(
        self, request: RequestHead, client: Client, target: Target, path: HttpPath, upgrade: bool
    ) -> Decision:
        if not path.decoded.startswith(self._prefix):
            return NOT_FOUND
        sent, seen = path.sent, path.decoded
        if self._strips and self._prefix != "/":
            sent = path.rest(self._prefix)
            rest = path.decoded[len(self._prefix) :]
            seen = f"/{rest}" if rest else ""
        elif self._strips and seen == "/":
            seen = ""
        if self._filter and not self._filter.accepts(request.method, seen, target.authority):
            return FORBIDDEN
        kept = passing.lines(request, upgrade=upgrade)
        return Forward(
            self._upstreams,
            request.method,
            target.with_query(sent or "/"),
            passing.forwarded_for(request, kept, client),
            failed,
            upgrade=upgrade,
            strict_upgrade=True,
            lasting=True,
        )


def failed(error: KfwdError) -> Answer:
    """What kubectl proxy says when the API server cannot be asked."""
    return page(500, error.text)


def read_path(raw: str) -> HttpPath:
    """A path in the form in which it is judged and sent on. Raises `HttpError`.

    Dots that only decoding shows are refused: nobody writes them so who means well.
    """
    if _HIDDEN_DOTS.search(raw):
        raise HttpError("the path climbs by encoded dots")
    try:
        return httppath.parse(raw.encode("latin-1"))
    except ProtocolError as error:
        status = 414 if error.code == "path-too-long" else 400
        raise HttpError(error.text, status=status) from None


def cleaned(path: str) -> str:
    """A path without empty and dot elements, as Go's ServeMux has it; a slash at the end stays."""
    if "//" not in path and "/." not in path:
        return path
    clean = posixpath.normpath(path).replace("//", "/")
    return f"{clean}/" if path.endswith("/") and clean != "/" else clean


def slashed(prefix: str) -> str:
    """A prefix with a slash at its end."""
    return prefix if prefix.endswith("/") else f"{prefix}/"


def redirect(request: RequestHead, location: str, status: int = 307) -> Answer:
    """Elsewhere, in the form of Go's `http.Redirect`."""
    lines = [("Location", location)]
    if request.method not in ("GET", "HEAD"):
        return Answer(status, tuple(lines))
    words = {301: "Moved Permanently", 302: "Found", 307: "Temporary Redirect"}[status]
    lines.insert(0, ("Content-Type", "text/html; charset=utf-8"))
    body = f'<a href="{html.escape(location)}">{words}</a>.\n\n'
    return Answer(status, tuple(lines), body.encode("latin-1"))
