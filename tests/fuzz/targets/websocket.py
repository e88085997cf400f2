"""WebSocket frames of either role, however they are cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kfwd.errors import WebSocketError
from kfwd.wire import websocket as ws
from kfwd.wire.mask import apply_mask
from tests.fuzz.reading import CUTS, cut
from tests.wire.pieces import pieces

MASK = b"\x01\x02\x03\x04"
MAX_MESSAGE = 5000


def seeds() -> Iterator[bytes]:
    for mask in (None, MASK):
        role = b"\x01" if mask else b"\x00"
        yield CUTS + role + b"".join(conversation(mask))
        yield CUTS + role + ws.encode_frame(ws.BINARY, 70_000, mask) + bytes(9)


def conversation(mask: bytes | None) -> Iterator[bytes]:
    yield ws.encode_frame(ws.BINARY, 4, mask) + apply_mask(b"\0abc", mask or b"")
    yield ws.encode_frame(ws.TEXT, 2, mask, fin=False) + apply_mask("ä".encode(), mask or b"")
    yield ws.control_frame(ws.PING, b"?", mask)
    yield ws.encode_frame(ws.CONTINUATION, 300, mask) + apply_mask(b"b" * 300, mask or b"")
    yield ws.control_frame(ws.PONG, b"", mask)
    yield ws.close_frame(ws.NORMAL, "bye", mask)


def check(data: bytes) -> bool:
    sizes, rest = cut(data)
    role, stream = rest[:1] or b"\0", rest[1:]
    masked, bounded = bool(role[0] & 1), bool(role[0] & 2)
    whole = read(stream, (max(1, len(stream)),), masked, bounded)
    assert read(stream, sizes, masked, bounded) == whole
    return not isinstance(whole, str)


def read(
    stream: bytes, sizes: Sequence[int], masked: bool, bounded: bool
) -> list[tuple[object, ...]] | str:
    """The messages, each in one piece, or why there are none."""
    decoder = ws.Decoder(masked, MAX_MESSAGE if bounded else None)
    found: list[tuple[object, ...]] = []
    message: bytes | None = None
    try:
        for piece in pieces(stream, sizes):
            for event in decoder.feed(piece):
                if not isinstance(event, ws.Binary | ws.Text):
                    found.append((event,))
                    continue
                assert event.first is (message is None)
                message = (message or b"") + bytes(event.payload)
                assert not bounded or len(message) <= MAX_MESSAGE
                if event.last:
                    found.append((whole(type(event), message),))
                    message = None
    except WebSocketError as error:
        assert 1000 <= error.close_code < 5000
        return error.text
    return [*found, (message,)]


def whole(kind: type[ws.Message], message: bytes) -> bytes | str:
    return message.decode() if kind is ws.Text else message
