"""SOCKS5 from the server's side (RFC 1928): bytes in, bytes out. CONNECT without a login."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from kfwd.errors import ProtocolError
from kfwd.wire.socks import CONNECT, DOMAIN, IPV4, IPV6, NO_AUTH, NO_METHOD, VERSION

OK, FAILED, NOT_ALLOWED, HOST_UNREACHABLE, REFUSED = 0, 1, 2, 4, 5
BAD_COMMAND, BAD_ADDRESS = 7, 8
_ADDRESS_SIZES = {IPV4: 4, IPV6: 16}


class Denied(ProtocolError):
    """A client that is not served; `answer` is the last that it is sent."""

    def __init__(self, text: str, answer: bytes) -> None:
        super().__init__(text)
        self.answer = answer


class ServerHandshake:
    """Learns where a client wants to: feed `receive` and send what it returns until `done`.

    Then `host` (a name, or an address as text) and `port` are set, `rest` holds bytes that came
    behind the request, and the caller sends a `reply`. Raises `Denied`.
    """

    def __init__(self) -> None:
        self.done = False
        self.host = ""
        self.port = 0
        self._buffer = bytearray()
        self._step: Callable[[], bytes | None] = self._method

    @property
    def rest(self) -> bytes:
        return bytes(self._buffer)

    def receive(self, data: bytes | bytearray | memoryview) -> bytes:
        """Take what the client sent; return what to send next, often nothing."""
        self._buffer += data
        out = b""
        while not self.done and (answer := self._step()) is not None:
            out += answer
        return out

    def _method(self) -> bytes | None:
        """VER NMETHODS METHODS"""
        buffer = self._buffer
        if buffer and buffer[0] != VERSION:
            raise Denied("it does not speak SOCKS5", b"")
        if len(buffer) < 2 or len(buffer) < 2 + buffer[1]:
            return None
        methods = self._take(2 + buffer[1])[2:]
        if NO_AUTH not in methods:
            raise Denied("it insists on a login", bytes([VERSION, NO_METHOD]))
        self._step = self._request
        return bytes([VERSION, NO_AUTH])

    def _request(self) -> bytes | None:
        """VER CMD RSV ATYP DST.ADDR DST.PORT"""
        if len(self._buffer) < 5:
            return None
        version, command, _, kind, first = self._buffer[:5]
        if version != VERSION:
            raise Denied("it does not speak SOCKS5", b"")
        size = 1 + first if kind == DOMAIN else _ADDRESS_SIZES.get(kind)
        if size is None:
            raise Denied(f"unknown address type {kind}", reply(BAD_ADDRESS))
        if len(self._buffer) < 4 + size + 2:
            return None
        request = self._take(4 + size + 2)
        if command != CONNECT:
            raise Denied("only CONNECT is served", reply(BAD_COMMAND))
        self.host = _host(kind, request[4:-2])
        self.port = int.from_bytes(request[-2:])
        self.done = True
        return b""

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken


def _host(kind: int, address: bytes) -> str:
    if kind != DOMAIN:
        return str(ipaddress.ip_address(address))
    try:
        return address[1:].decode("ascii")
    except UnicodeDecodeError:
        raise Denied("its host name is not ASCII", reply(BAD_ADDRESS)) from None


def reply(code: int) -> bytes:
    """The answer to a request. The bound address is of no use to anybody: all zeros."""
    return bytes([VERSION, code, 0, IPV4]) + bytes(6)
