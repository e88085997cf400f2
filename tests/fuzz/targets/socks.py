"""Handshakes with proxies and of clients: SOCKS5 from both sides, HTTP CONNECT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from kfwd.errors import ProtocolError
from kfwd.wire import first_bytes, http_connect, socks, socks_server
from tests.fuzz.reading import CUTS, cut
from tests.wire.pieces import pieces

LOGIN = ("me", "secret")


class Handshake(Protocol):
    done: bool

    def receive(self, data: bytes, /) -> bytes: ...


def seeds() -> Iterator[bytes]:
    yield CUTS + b"\0" + b"\x05\x00" + socks_server.reply(0)
    yield CUTS + b"\1" + b"\x05\x02" + b"\x01\x00" + b"\x05\x00\x00\x03\x01a\x00\x50"
    greeting = b"\x05\x01\x00"
    yield CUTS + b"\2" + greeting + b"\x05\x01\x00" + socks.address("web.shop") + b"\x00\x50GET"
    yield CUTS + b"\2" + greeting + b"\x05\x01\x00" + socks.address("::1") + b"\x00\x50"
    yield CUTS + b"\3" + b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n"


def check(data: bytes) -> bool:
    sizes, rest = cut(data)
    kind, stream = (rest[:1] or b"\0")[0] % 4, rest[1:]
    whole = read(kind, stream, (max(1, len(stream)),))
    assert read(kind, stream, sizes) == whole
    if stream:
        first_bytes.speech(stream[0])
        first_bytes.is_request(stream)
    return whole[0]


def read(kind: int, stream: bytes, sizes: Sequence[int]) -> tuple[bool, object]:
    """Whether the way is open, and what was said on the way there, or why it is not."""
    handshake = make(kind)
    said = b""
    try:
        for piece in pieces(stream, sizes):
            if handshake.done and isinstance(handshake, socks_server.ServerHandshake):
                break  # what follows belongs to the destination
            said += handshake.receive(bytes(piece))
    except ProtocolError as error:
        return False, error.text
    if isinstance(handshake, socks_server.ServerHandshake) and handshake.done:
        assert len(handshake.host) <= 255
        assert 0 <= handshake.port <= 65535
        return True, (said, handshake.host, handshake.port)
    return handshake.done, said


def make(kind: int) -> Handshake:
    if kind == 2:
        return socks_server.ServerHandshake()
    if kind == 3:
        return http_connect.ClientHandshake("web", 80, LOGIN)
    return socks.ClientHandshake("web", 80, LOGIN if kind else None)
