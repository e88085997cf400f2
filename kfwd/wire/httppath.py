"""Paths of HTTP requests in one normal form, so that what is decided on is what is sent.

RFC 3986 section 6.2.2 says what a path may be turned into without changing it: `%61` is `a`, `%2f`
is `%2F`, `/a/./b/../c` is `/a/c`. A server behind may go further: take `%2F` for a slash, a
backslash for a slash, decode twice, or drop what follows a semicolon. A path that would climb
anywhere under such a reading is refused, so that no rule or filter can be passed by writing `..`
another way. An encoded slash as such stays what it is: names with slashes in them are common.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, unquote_to_bytes

from msgspec import Struct

from kfwd.errors import ProtocolError

MAX_PATH = 8192
"""Bytes of a path, as sent. nginx, Tomcat and Go's clients stop there or earlier."""

MAX_LAYERS = 4
"""How many times over a path may be percent-encoded. Two is seen in the wild (Jenkins branches)."""

_PCHAR = "!$&'()*+,-./:;=@_~"
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PLAIN = re.compile(rb"/(?:[\w!$&'()*+,:=@~-][\w!$&'()*+,:=@~.-]*(?:/|\Z))*")
_FORBIDDEN = re.compile(rb"[\x00-\x20\x7f\\?#]")
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ANY_SLASH = re.compile(r"[/\\]")
_SLASHES = re.compile(r"/{2,}")
_SEPARATOR = re.compile(r"(?:/|%2F)+")


class HttpPath(Struct, frozen=True):
    """A path that is safe to decide on.

    `sent` is its normal form, percent-encoded: what goes on to a server. `decoded` is what rules
    are matched against: decoded once, with runs of slashes merged (as nginx does).
    """

    sent: str
    decoded: str

    def under(self, prefix: str) -> bool:
        """Whether it lies at or under `prefix`, element by element: `/ab` is not under `/a`."""
        stem = prefix.rstrip("/")
        return self.decoded == stem or self.decoded.startswith(f"{stem}/")

    def rest(self, prefix: str) -> str:
        """What follows the elements of a `prefix` that it lies under: empty, or from a slash on."""
        depth = sum(1 for element in prefix.split("/") if element)
        for position, separator in enumerate(_SEPARATOR.finditer(self.sent)):
            if position == depth:
                return f"/{self.sent[separator.end() :]}"
        return ""


def parse(raw: bytes) -> HttpPath:
    """Read the path of an origin-form target, without its query.

    Raises `ProtocolError` (codes `bad-path`, `path-too-long`) for what has no normal form: control
    characters, backslashes, broken escapes, text that is not UTF-8, and anything that climbs.
    """
    if len(raw) > MAX_PATH:
        raise ProtocolError(f"the path is longer than {MAX_PATH} bytes", code="path-too-long")
    if _PLAIN.fullmatch(raw):
        plain = raw.decode("ascii")
        return HttpPath(plain, plain)
    _refuse_malformed(raw)
    sent = _without_dots(_normal_escapes(raw))
    decoded = _decoded(sent)
    _refuse_climbing(decoded)
    return HttpPath(sent, _SLASHES.sub("/", decoded))


def from_decoded(text: str) -> HttpPath:
    """The path whose decoded form is `text`: of a rule's value, or of a rewritten path.

    Raises `ProtocolError` like `parse`.
    """
    return parse(quote(text, safe=_PCHAR).encode("ascii"))


def _refuse_malformed(raw: bytes) -> None:
    if not raw.startswith(b"/"):
        raise _bad("does not start with a slash")
    if found := _FORBIDDEN.search(raw):
        raise _bad(f"contains the byte 0x{found[0].hex()}, which no path may")
    if _BROKEN_ESCAPE.search(raw):
        raise _bad("has a percent sign without two hexadecimal digits")


def _normal_escapes(raw: bytes) -> str:
    """Escapes where they are needed and nowhere else, in capitals (RFC 3986 section 6.2.2.2)."""
    encoded = quote(raw, safe=f"%{_PCHAR}")
    return _ESCAPE.sub(_normal_escape, encoded)


def _normal_escape(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0].upper()


def _without_dots(path: str) -> str:
    """RFC 3986 section 5.2.4, but above the root there is nothing, not the root again."""
    if "/." not in path:
        return path
    kept: list[str] = []
    elements = path.split("/")[1:]
    for element in elements:
        if element == "..":
            if not kept:
                raise _bad("climbs above the root")
            kept.pop()
        elif element != ".":
            kept.append(element)
    if elements[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def _decoded(sent: str) -> str:
    try:
        return unquote_to_bytes(sent).decode("utf-8")
    except UnicodeDecodeError:
        raise _bad("is not UTF-8") from None


def _refuse_climbing(decoded: str) -> None:
    """Dot segments that appear only to a server that reads more into a path than it should."""
    text = decoded
    for _ in range(MAX_LAYERS):
        if _CONTROL.search(text):
            raise _bad("contains an encoded control character")
        if any(element.partition(";")[0] in {".", ".."} for element in _ANY_SLASH.split(text)):
            raise _bad("climbs by dots or slashes in disguise")
        peeled = unquote(text)
        if peeled == text:
            return
        text = peeled
    raise _bad(f"is percent-encoded more than {MAX_LAYERS - 1} times over")


def _bad(what: str) -> ProtocolError:
    return ProtocolError(f"the path {what}", code="bad-path")
