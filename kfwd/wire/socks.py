"""SOCKS5 from the client's side (RFC 1928, RFC 1929): bytes in, bytes out.

The name of the destination goes to the proxy unresolved, for `socks5` and `socks5h` alike, as Go's
`net/http` and so kubectl do it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from kfwd.errors import ProtocolError

VERSION = 5
NO_AUTH, USER_PASSWORD, NO_METHOD = 0, 2, 0xFF
CONNECT = 1
IPV4, DOMAIN, IPV6 = 1, 3, 4

REPLIES = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "time to live expired",
    7: "command not supported",
    8: "address type not supported",
}


class ClientHandshake:
    """Asks a SOCKS5 proxy for a connection to `host`:`port`.

    Send what `start()` and `receive()` return until `done`; raises `ProtocolError` with the
    proxy's reason.
    """

    def __init__(self, host: str, port: int, login: tuple[str, str] | None = None) -> None:
        self.done = False
        self._request = bytes([VERSION, CONNECT, 0]) + address(host) + port.to_bytes(2)
        self._login = _login(*login) if login else b""
        self._buffer = bytearray()
        self._step: Callable[[], bytes | None] = self._method

    def start(self) -> bytes:
        methods = bytes([NO_AUTH, USER_PASSWORD] if self._login else [NO_AUTH])
        return bytes([VERSION, len(methods)]) + methods

    def receive(self, data: bytes) -> bytes:
        """Take what the proxy sent; return what to send next, often nothing."""
        self._buffer += data
        out = b""
        while not self.done and (reply := self._step()) is not None:
            out += reply
        if self.done and self._buffer:
            raise ProtocolError("it sent more than its answer")
        return out

    def _take(self, count: int) -> bytes | None:
        if len(self._buffer) < count:
            return None
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _method(self) -> bytes | None:
        answer = self._take(2)
        if answer is None:
            return None
        if answer[0] != VERSION:
            raise ProtocolError("it does not speak SOCKS5")
        if answer[1] == USER_PASSWORD and self._login:
            self._step = self._checked
            return self._login
        if answer[1] != NO_AUTH:
            raise ProtocolError("it asks for a login that we do not have")
        self._step = self._connected
        return self._request

    def _checked(self) -> bytes | None:
        answer = self._take(2)
        if answer is None:
            return None
        if answer[1] != 0:
            raise ProtocolError("it rejected the user name or password")
        self._step = self._connected
        return self._request

    def _connected(self) -> bytes | None:
        if len(self._buffer) < 5:
            return None
        version, reply, _, kind, first = self._buffer[:5]
        if version != VERSION:
            raise ProtocolError("it does not speak SOCKS5")
        if reply != 0:
            raise ProtocolError(REPLIES.get(reply, f"failure {reply}"))
        sizes = {IPV4: 4, IPV6: 16, DOMAIN: 1 + first}
        if kind not in sizes:
            raise ProtocolError(f"it answered with an unknown address type {kind}")
        if self._take(4 + sizes[kind] + 2) is None:
            return None
        self.done = True
        return b""


def address(host: str) -> bytes:
    """A host as SOCKS5 writes it: address type, then IPv4, IPv6 or a name of at most 255 bytes."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("ascii" if host.isascii() else "idna")
        return bytes([DOMAIN, len(_bounded(name, "host name"))]) + name
    return bytes([IPV4 if ip.version == 4 else IPV6]) + ip.packed


def _login(user: str, password: str) -> bytes:
    name, secret = user.encode(), password.encode()
    _bounded(name, "user name")
    _bounded(secret, "password")
    return bytes([1, len(name)]) + name + bytes([len(secret)]) + secret


def _bounded(value: bytes, what: str) -> bytes:
    if len(value) > 255:
        raise ProtocolError(f"the {what} is longer than the 255 bytes that SOCKS5 allows")
    return value
