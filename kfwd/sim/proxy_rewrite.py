"""What the API server changes in requests and answers that it proxies. Pure.

Sources: apimachinery `pkg/util/proxy` and Go's `httputil.ReverseProxy` (protocol notes F.3, F.4).
"""

from __future__ import annotations

import gzip
import html
import posixpath
import zlib
from collections.abc import Callable, Iterable
from html.parser import HTMLParser
from urllib.parse import SplitResult, quote, urlsplit

Headers = list[tuple[str, str]]
RewriteUrl = Callable[[str], str]

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "proxy-connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_CORS = frozenset(
    f"access-control-allow-{what}" for what in ("credentials", "headers", "methods", "origin")
)
_IDENTITY = ("x-remote-user", "x-remote-uid", "x-remote-group", "x-remote-extra-")
_BEARER = "base64url.bearer.authorization.k8s.io."

URL_ATTRIBUTES: dict[str, frozenset[str]] = {
    tag: frozenset(names.split())
    for tag, names in {
        "a": "href",
        "applet": "codebase",
        "area": "href",
        "audio": "src",
        "base": "href",
        "blockquote": "cite",
        "body": "background",
        "button": "formaction",
        "command": "icon",
        "del": "cite",
        "embed": "src",
        "form": "action",
        "frame": "longdesc src",
        "head": "profile",
        "html": "manifest",
        "iframe": "longdesc src",
        "img": "longdesc src usemap",
        "input": "formaction src usemap",
        "ins": "cite",
        "link": "href",
        "object": "classid codebase data usemap",
        "q": "cite",
        "script": "src",
        "source": "src",
        "video": "poster src",
    }.items()
}


def _canonical(name: str) -> str:
    """A header name in Go's spelling: `x-a-id` is `X-A-Id`."""
    return "-".join(part.capitalize() for part in name.split("-"))


def without_credentials(headers: Iterable[tuple[str, str]], *, impersonated: bool) -> Headers:
    """Request headers without those that authentication uses up."""
    found: Headers = []
    for name, value in headers:
        key = name.lower()
        if key == "authorization" or key.startswith(_IDENTITY):
            continue
        if impersonated and key.startswith("impersonate-"):
            continue
        if key == "sec-websocket-protocol" and _BEARER in value:
            offered = [p.strip() for p in value.split(",")]
            value = ", ".join(p for p in offered if not p.startswith(_BEARER))
        found.append((_canonical(name), value))
    return found


def without_hops(headers: Iterable[tuple[str, str]]) -> Headers:
    """Headers without those that are for one connection only (RFC 9110 7.6.1)."""
    found = list(headers)
    named = {
        token.strip().lower()
        for name, value in found
        if name.lower() == "connection"
        for token in value.split(",")
    }
    gone = _HOP_BY_HOP | named
    kept = [(name, value) for name, value in found if name.lower() not in gone]
    if any(name.lower() == "te" and "trailers" in value for name, value in found):
        kept.append(("Te", "trailers"))
    return kept


def with_forwarded_for(headers: Headers, client: str) -> Headers:
    """Headers with the client's address behind those that `X-Forwarded-For` has already."""
    before = [value for name, value in headers if name.lower() == "x-forwarded-for"]
    others = [pair for pair in headers if pair[0].lower() != "x-forwarded-for"]
    return [*others, ("X-Forwarded-For", ", ".join([*before, client]))]


def forwarded_uri(prefix: str, path: str) -> str:
    """The value of `X-Forwarded-Uri`: the whole path of the request."""
    joined = _joined(prefix, path)
    whole = f"{joined}/" if path.endswith("/") and joined != "/" else joined
    return quote(whole, safe="/:@!$&'()*+,;=~", errors="surrogateescape")


def answer_headers(headers: Iterable[tuple[str, str]]) -> Headers:
    """An answer's headers without hop-by-hop ones and what would allow other origins."""
    return [pair for pair in without_hops(headers) if pair[0].lower() not in _CORS]


def _joined(prefix: str, path: str) -> str:
    return posixpath.normpath(f"{prefix}/{path.lstrip('/')}")


def rewrite_url(url: str, prefix: str, back_end: str, host: str) -> str:
    """A URL of an answer, as the client must ask for it.

    `back_end` is the host and port the answer came from, `host` the request's own Host. Relative
    paths, other hosts and what is no URL stay as they are.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if parts.netloc not in {"", back_end, host} or not parts.path.startswith("/"):
        return url
    if not (parts.netloc and parts.netloc == host):
        parts = parts._replace(scheme="", netloc="")
    if not parts.path.startswith(prefix):
        parts = _prefixed(parts, prefix)
    return parts.geturl()


def _prefixed(parts: SplitResult, prefix: str) -> SplitResult:
    path = _joined(prefix, parts.path)
    return parts._replace(path=f"{path}/" if parts.path.endswith("/") else path)


class _Rewriter(HTMLParser):
    """Writes a page again, with start tags normalised and everything else as it was."""

    def __init__(self, rewrite: RewriteUrl) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []
        self._rewrite = rewrite

    def _tag(self, tag: str, attributes: list[tuple[str, str | None]], end: str) -> None:
        known = URL_ATTRIBUTES.get(tag, frozenset())
        words = [tag]
        for name, value in attributes:
            text = self._rewrite(value or "") if name in known else value or ""
            words.append(f'{name}="{html.escape(text)}"')
        self.parts.append(f"<{' '.join(words)}{end}>")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag(tag, attrs, "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag(tag, attrs, "/")

    def handle_endtag(self, tag: str) -> None:
        self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_entityref(self, name: str) -> None:
        self.parts.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.parts.append(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        self.parts.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.parts.append(f"<!{decl}>")

    def handle_pi(self, data: str) -> None:
        self.parts.append(f"<?{data}>")

    def unknown_decl(self, data: str) -> None:
        self.parts.append(f"<![{data}]>")


def rewrite_html(page: str, rewrite: RewriteUrl) -> str:
    """A page whose URL attributes, of the fixed list of tags, are rewritten."""
    parser = _Rewriter(rewrite)
    parser.feed(page)
    parser.close()
    return "".join(parser.parts)


def rewrite_body(body: bytes, encoding: str, rewrite: RewriteUrl) -> bytes:
    """An HTML body, identity, gzip or deflate; other encodings pass as they are.

    Raises ValueError for a body that is not what its encoding says.
    """
    # Latin-1 keeps every byte of a page whatever its character set; tags and URLs are ASCII.
    match encoding:
        case "":
            return rewrite_html(body.decode("latin-1"), rewrite).encode("latin-1")
        case "gzip":
            page = _unpacked(body, zlib.MAX_WBITS | 16)
            return gzip.compress(rewrite_body(page, "", rewrite))
        case "deflate":
            page = _unpacked(body, -zlib.MAX_WBITS)
            packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
            return packer.compress(rewrite_body(page, "", rewrite)) + packer.flush()
    return body


def _unpacked(body: bytes, window: int) -> bytes:
    try:
        return zlib.decompress(body, window)
    except zlib.error as error:
        raise ValueError(str(error)) from error
