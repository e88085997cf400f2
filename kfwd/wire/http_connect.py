"""HTTP CONNECT from the client's side (RFC 9110 section 9.3.6): bytes in, bytes out."""

from __future__ import annotations

import base64

from kfwd.errors import ProtocolError
from kfwd.wire.authority import authority

MAX_HEAD = 16 * 1024
PROXY_LOGIN_NEEDED = 407


class ClientHandshake:
    """Asks an HTTP proxy for a connection to `host`:`port`.

    Send what `start()` returns and feed `receive()` until `done`; raises `ProtocolError` with the
    proxy's reason. Any 2xx opens the way, as for client-go (protocol notes A.4).
    """

    def __init__(self, host: str, port: int, login: tuple[str, str] | None = None) -> None:
        self.done = False
        self._authority = authority(host, port)
        self._login = login
        self._buffer = bytearray()

    def start(self) -> bytes:
        lines = [f"CONNECT {self._authority} HTTP/1.1", f"Host: {self._authority}"]
        if self._login:
            token = base64.b64encode(":".join(self._login).encode()).decode()
            lines.append(f"Proxy-Authorization: Basic {token}")
        return "\r\n".join([*lines, "", ""]).encode()

    def receive(self, data: bytes) -> bytes:
        """Take what the proxy sent. There is never anything to send back."""
        self._buffer += data
        head, blank, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        if not blank:
            if len(self._buffer) > MAX_HEAD:
                raise ProtocolError("the head of its answer never ends")
            return b""
        _check(head.split(b"\r\n", 1)[0].decode("latin-1"))
        if rest:
            raise ProtocolError("it sent more than its answer")
        self.done = True
        return b""


def _check(line: str) -> None:
    version, _, answer = line.partition(" ")
    code = answer[:3]
    if not version.startswith("HTTP/1.") or not code.isdecimal():
        raise ProtocolError("it does not speak HTTP")
    if int(code) == PROXY_LOGIN_NEEDED:
        raise ProtocolError("it asks for a user name and password, or rejected them (407)")
    if code[0] != "2":
        raise ProtocolError(f"it answered {answer.strip()[:200]}")
