"""The HTTP/1.1 exchange that turns a connection into something else: bytes only.

Written by hand since nothing may be sent before the 101 was read, and what follows it must not be
lost (protocol notes A.3). Sources: RFC 9112; client-go's roundtripper for the error texts (A.4).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from msgspec import Struct

from kfwd.errors import ProtocolError

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024
PORT_FORWARD = "portforward.k8s.io"
TUNNEL = f"SPDY/3.1+{PORT_FORWARD}"
_LENGTH = re.compile(r"[0-9]{1,18}")


class Head(Struct, frozen=True):
    """The status line and headers of an answer; header names in lower case."""

    status: int
    headers: dict[str, str]

    def has(self, header: str, token: str) -> bool:
        """Whether a header's value contains `token`, in any case."""
        return token.lower() in self.headers.get(header, "").lower()


def request(method: str, path: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """The bytes of a request without a body. A header may come more than once."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if any("\r" in line or "\n" in line for line in lines):
        raise ProtocolError("a request header must not contain a line break")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def spdy_headers() -> dict[str, str]:
    """What a SPDY upgrade carries besides Host and credentials (A.1)."""
    return {
        "Content-Length": "0",
        "Connection": "Upgrade",
        "Upgrade": "SPDY/3.1",
        "X-Stream-Protocol-Version": PORT_FORWARD,
    }


def websocket_headers(key: str, *protocols: str) -> dict[str, str]:
    """What a WebSocket upgrade carries besides Host and credentials (D.2)."""
    return {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Protocol": ", ".join(protocols),
    }


def head_end(data: bytes | bytearray) -> int:
    """The length of the head in `data` with its blank line, or 0 when it is not complete.

    Raises `ProtocolError` when no blank line comes within 64 KiB.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        if len(data) > MAX_HEAD:
            raise ProtocolError("the answer's header is longer than 64 KiB")
        return 0
    return end + 4


def parse_head(data: bytes) -> Head:
    """Read a complete head. Raises `ProtocolError` for anything but an HTTP/1.x answer."""
    first, *rest = data.decode("latin-1").rstrip("\r\n").split("\r\n")
    version, _, after = first.partition(" ")
    status = after[:3]
    if not version.startswith("HTTP/1.") or not (status.isascii() and status.isdigit()):
        raise ProtocolError(f"not an HTTP answer: {first[:80]!r}")
    headers: dict[str, str] = {}
    for line in rest:
        name, _, value = line.partition(":")
        key, value = name.strip().lower(), value.strip()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return Head(int(status), headers)


def body_complete(head: Head, body: bytes | bytearray) -> bool:
    """Whether the whole body of a refusal is there, as far as its head tells."""
    if len(body) >= MAX_BODY:
        return True
    if head.has("transfer-encoding", "chunked"):
        return body.endswith(b"0\r\n\r\n")
    length = head.headers.get("content-length", "")
    return _LENGTH.fullmatch(length) is not None and len(body) >= int(length)


def refusal(head: Head, body: bytes) -> str:
    """What the server says, as kubectl words it: Status message, JSON error, or the text itself.

    An HTML page, which only something between us and the API server sends, is named as one.
    """
    text = _unchunked(body) if head.has("transfer-encoding", "chunked") else body
    words = text.decode("utf-8", "replace").strip()
    if head.has("content-type", "html") or words[:1] == "<":
        return f"an HTML page with status {head.status} came from something before the API server"
    try:
        status = json.loads(words)
    except ValueError:
        return words[:1000] or "empty server response"
    if isinstance(status, dict):
        return str(status.get("message") or status.get("error") or words)[:1000]
    return words[:1000]


def _unchunked(body: bytes) -> bytes:
    """The data of a chunked body; what is cut off is left out."""
    data, rest = b"", body
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        try:
            length = int(size.split(b";")[0], 16)
        except ValueError:
            break
        if length == 0:
            break
        data, rest = data + rest[:length], rest[length + 2 :]
    return data


def spdy_accepted(head: Head) -> bool:
    """Whether the peer agreed to speak SPDY (client acceptance rule, A.3)."""
    return (
        head.status == 101 and head.has("connection", "upgrade") and head.has("upgrade", "spdy/3.1")
    )


def websocket_accepted(head: Head, accept_key: str) -> bool:
    """Whether the peer agreed to speak WebSocket to the one who sent the key (RFC 6455, 4.1)."""
    return (
        head.status == 101
        and head.has("connection", "upgrade")
        and head.has("upgrade", "websocket")
        and head.headers.get("sec-websocket-accept", "") == accept_key
    )
