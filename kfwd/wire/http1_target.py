"""The target of an HTTP/1.1 request in its four forms (RFC 9112, 3.2). Pure."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from kfwd.errors import HttpError
from kfwd.wire.http1 import RequestHead

_HOST = re.compile(r"[A-Za-z0-9!$%&'()*+,\-.:;=_~\[\]]*")
_ABSOLUTE = re.compile(r"(https?)://([^/?#]*)([^#]*)", re.IGNORECASE)
Form = Literal["origin", "absolute", "authority", "asterisk"]


class Target(Struct, frozen=True):
    """`authority` is who was asked: of the target, else of Host. `path` is as sent, starts with a
    slash, and is empty for the forms without one; `query` is without its question mark."""

    form: Form
    authority: str
    path: str = ""
    query: str | None = None
    scheme: str = "http"

    @property
    def host(self) -> str:
        """The authority without its port; brackets stay."""
        return without_port(self.authority)

    def with_query(self, path: str) -> str:
        """`path` with this target's query."""
        return path if self.query is None else f"{path}?{self.query}"


def parse(head: RequestHead) -> Target:
    """Read a request's target. Raises `HttpError`."""
    host = head.get("host")
    if not _HOST.fullmatch(host):
        raise HttpError("the Host header is no host")
    target = head.target
    if head.method == "CONNECT":
        return _authority(target)
    if target.startswith("/"):
        return _with_path("origin", host, target)
    if target == "*":
        return Target("asterisk", host)
    match = _ABSOLUTE.fullmatch(target)
    if match is None or not match[2] or not _HOST.fullmatch(match[2]):
        raise HttpError("the request's target is neither a path nor a URL")
    path = match[3] if match[3].startswith("/") else f"/{match[3]}"
    return _with_path("absolute", match[2], path, match[1].lower())


def _with_path(form: Form, authority: str, target: str, scheme: str = "http") -> Target:
    if "#" in target:
        raise HttpError("the request's target has a fragment")
    path, mark, query = target.partition("?")
    return Target(form, authority, path, query if mark else None, scheme)


def _authority(target: str) -> Target:
    host, colon, port = target.rpartition(":")
    if not (colon and host and port.isdecimal() and _HOST.fullmatch(host)):
        raise HttpError("CONNECT takes HOST:PORT")
    return Target("authority", target)


def without_port(authority: str) -> str:
    """`localhost` of `localhost:80`, `[::1]` of `[::1]:80`; a bare `::1` is left as it is."""
    host, colon, _ = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        return authority
    return authority if ":" in host and not host.endswith("]") else host
