"""Taking the API server's long path out of answers that came through its proxy. Pure.

The API server puts `/api/v1/namespaces/NS/services/NAME:PORT/proxy` before absolute paths in
`Location` and in the URLs of HTML (protocol notes F.4). Behind a listener of its own an app is at
`/`, so the path is taken out again, literally, also of `Path` in cookies.
"""

from __future__ import annotations

import re

from kfwd.proxy.decision import Transform
from kfwd.wire.http1 import Lines, ResponseHead

HTML = "text/html"


class Unwrap:
    """For answers under one long path, without a slash at its end."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._bytes = prefix.encode("latin-1")
        path = re.escape(prefix)
        self._cookie_path = re.compile(rf"(;\s*path=){path}(/|(?=;)|\Z)", re.IGNORECASE)

    def __call__(self, head: ResponseHead, lines: Lines) -> tuple[Lines, Transform | None]:
        """The headers of an answer, and what changes its body, where it is HTML."""
        kept = tuple([(name, self._value(name.lower(), value)) for name, value in lines])
        page = head.get("content-type").partition(";")[0].strip().lower() == HTML
        plain = head.get("content-encoding").lower() in ("", "identity")
        return kept, Removal(self._bytes) if page and plain else None

    def _value(self, name: str, value: str) -> str:
        if name in ("location", "content-location"):
            return self._location(value)
        return self._cookie_path.sub(r"\1/", value) if name == "set-cookie" else value

    def _location(self, value: str) -> str:
        if not value.startswith(self._prefix):
            return value
        rest = value[len(self._prefix) :]
        if not rest or rest[0] in "?#":
            return f"/{rest}"
        return rest if rest.startswith("/") else value


class Removal:
    """Takes `prefix` out wherever a slash follows it, however the text is cut in pieces."""

    def __init__(self, prefix: bytes) -> None:
        self._needle = prefix + b"/"
        self._kept = b""

    def feed(self, data: memoryview) -> bytes:
        parts = (self._kept + bytes(data)).split(self._needle)
        rest = parts[-1]
        size = _begun(rest, self._needle)
        self._kept = rest[len(rest) - size :]
        parts[-1] = rest[: len(rest) - size]
        return b"/".join(parts)

    def end(self) -> bytes:
        kept, self._kept = self._kept, b""
        return kept


def _begun(text: bytes, needle: bytes) -> int:
    """How many bytes at the end of `text` may be the beginning of `needle`."""
    for size in range(min(len(needle) - 1, len(text)), 0, -1):
        if text.endswith(needle[:size]):
            return size
    return 0
