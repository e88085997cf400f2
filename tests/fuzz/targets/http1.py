"""Requests: heads, targets, paths and bodies, one behind the other on a connection.

What is taken is written again as it goes to a server, and must be read there as it was here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kfwd.errors import HttpError, ProtocolError
from kfwd.wire import http1, http1_body, http1_target, httppath
from kfwd.wire.http1_body import Body, Chunked
from tests.fuzz.reading import CUTS, cut
from tests.wire.pieces import pieces

CHUNKED = b"POST /a%2fb?c=d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def seeds() -> Iterator[bytes]:
    yield CUTS + b"GET /a/../b%20c?x=1 HTTP/1.1\r\nHost: localhost:8001\r\nAccept: */*\r\n\r\n"
    yield CUTS + CHUNKED + b"5;x\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\nGET / HTTP/1.0\r\n\r\n"
    yield CUTS + b"PUT http://a.b/c HTTP/1.1\r\nHost: a.b\r\nContent-Length: 2\r\n\r\nhi"
    yield CUTS + b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n"
    yield CUTS + b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def check(data: bytes) -> bool:
    sizes, stream = cut(data)
    whole = read(stream, (max(1, len(stream)),))
    assert read(stream, sizes) == whole
    return whole[-1] is None


def read(stream: bytes, sizes: Sequence[int]) -> list[object]:
    """Each request with its body, then what is wrong with the next if anything is."""
    connection = Connection()
    try:
        for piece in pieces(stream, sizes):
            connection.take(piece)
    except HttpError as error:
        assert 400 <= error.status < 600
        return [*connection.found, error.status]
    return [*connection.found, bytes(connection.data), None]


class Connection:
    def __init__(self) -> None:
        self.found: list[object] = []
        self.data = bytearray()  # of the body that is under way
        self._reader = http1.HeadReader()
        self._body: Body | None = None

    def take(self, piece: memoryview) -> None:
        while piece:
            if self._body is None:
                count = self._reader.feed(piece)
                if count is None:
                    return
                head = http1.parse_request(self._reader.take())
                self.found.append(request(head))
                self._body = http1_body.of_request(head)
                piece = piece[count:]
            else:
                piece = piece[self._body.feed(piece) :]
                self.data += b"".join(self._body.pieces)
            if self._body.done:
                self.found.append(sent(self._body, bytes(self.data)))
                self.data.clear()
                self._body = None


def request(head: http1.RequestHead) -> object:
    if head.minor == 1:
        again = http1.parse_request(http1.encode_request(head.method, head.target, head.lines))
        assert again == head
    assert http1.HOP_BY_HOP.isdisjoint(name.lower() for name, _ in http1.end_to_end(head))
    try:
        target = http1_target.parse(head)
        path = httppath.parse(target.path.encode("latin-1")) if target.path else None
    except ProtocolError as error:
        return (head.method, head.lines, error.text)
    if path is not None:
        assert ".." not in path.decoded.split("/")
        assert httppath.parse(path.sent.encode("ascii")) == path
    return (head, target, path)


def sent(body: Body, data: bytes) -> bytes:
    """A chunked body goes on in chunks, and is the same one there."""
    if isinstance(body, Chunked):
        again = Chunked()
        wire = memoryview(http1_body.chunk(data) + http1_body.LAST_CHUNK)
        assert again.feed(wire) == len(wire)
        assert b"".join(again.pieces) == data
    return data
