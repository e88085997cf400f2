"""WebSocket frames (RFC 6455) for either role, without extensions.

Messages come out in pieces as they arrive, so no length of message costs memory. What a frame may
be is checked as gorilla/websocket does, which is the other end (protocol notes D.3).
"""

from __future__ import annotations

import base64
import codecs
import hashlib
from struct import Struct as Layout
from typing import Final, TypeAlias

from msgspec import Struct

from kfwd.errors import WebSocketError
from kfwd.wire.mask import apply_mask

CONTINUATION = 0x0
TEXT = 0x1
BINARY = 0x2
CLOSE = 0x8
PING = 0x9
PONG = 0xA

NORMAL = 1000
GOING_AWAY = 1001
FRAMING_ERROR = 1002
UNSUPPORTED = 1003
NO_STATUS = 1005  # what `Close` says when the peer said nothing; never sent
NOT_UTF8 = 1007
TOO_BIG = 1009

MAX_PAYLOAD = 112 * 1024 - 14
"""Largest payload to send in one frame, which with its header is whole TLS records. It is copied to
be masked: malloc has such a buffer at hand, one of 128 KiB it gets from the kernel, as empty pages.
"""

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_FIN = 0x80
_RSV = 0x70
_MASKED = 0x80
_CONTROL = 0x08
_OPCODES: Final = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
_MAX_CONTROL = 125
_U16 = 126  # in the length field: a 16-bit length follows
_U64 = 127
_EXTENDED: Final = {_U16: Layout(">H"), _U64: Layout(">Q")}
_EMPTY: Final = memoryview(b"")
_RESERVED_CODES: Final = frozenset({1004, 1005, 1006, *range(1015, 3000)})


class Binary(Struct, frozen=True, gc=False):
    """A piece of a binary message.

    `payload` is a view into what was fed, and as short-lived, or bytes if it had to be unmasked.
    """

    payload: memoryview | bytes
    first: bool
    last: bool


class Text(Struct, frozen=True, gc=False):
    """A piece of a text message: UTF-8 as a whole, though a piece may end within a character."""

    payload: memoryview | bytes
    first: bool
    last: bool


class Ping(Struct, frozen=True, gc=False):
    """A probe, to be answered by a PONG with the same payload."""

    payload: bytes


class Pong(Struct, frozen=True, gc=False):
    """An answer to a PING, or unasked."""

    payload: bytes


class Close(Struct, frozen=True, gc=False):
    """The peer sends nothing more; `code` is `NO_STATUS` if it gave none."""

    code: int
    reason: str


Message: TypeAlias = Binary | Text
Event: TypeAlias = Message | Ping | Pong | Close


class Decoder:
    """The messages in a stream of bytes that comes in any pieces.

    `masked` says whether the peer must mask (a client) or must not (a server); `max_message` is
    the longest message that is taken, in bytes. `feed` raises `WebSocketError`, which has the code
    to close with, and nothing else. What follows a `Close` is ignored.
    """

    def __init__(self, masked: bool, max_message: int | None = None) -> None:
        self._masked = masked
        self._max_message = max_message
        self._held = bytearray()  # a frame's header, or a control frame, that is not whole yet
        self._opcode = CONTINUATION  # of the message that is under way, if any
        self._size = 0  # of that message, with all of the present frame
        self._first = False  # no piece of it has been told yet
        self._fin = False  # the present frame is its last
        self._left = 0  # payload bytes of the present frame still to come
        self._mask = b""
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._closed = False

    def feed(self, data: bytes | bytearray | memoryview) -> list[Event]:
        """The pieces of messages and the control frames that `data` completes."""
        events: list[Event] = []
        view = memoryview(data)
        at, size = 0, len(view)
        while at < size and not self._closed:
            if self._left:
                at = self._payload(view, at, events)
            elif self._held:
                at = self._gather(view, at, events)
            else:
                at = self._start(view, at, events)
        return events

    def _start(self, view: memoryview, at: int, events: list[Event]) -> int:
        """Read the frame header at `at`, and the whole frame if it is a control frame."""
        whole = _whole(view[at : at + 2])
        if at + whole > len(view):
            self._held += view[at:]
            return len(view)
        first, second = view[at], view[at + 1]
        self._check(first, second)
        length = second & ~_MASKED
        body = at + 2
        if layout := _EXTENDED.get(length):
            length = layout.unpack_from(view, body)[0]
            body += layout.size
        mask = b""
        if self._masked:
            mask = bytes(view[body : body + 4])
            body += 4
        if first & _CONTROL:
            payload = apply_mask(view[body : body + length], mask)
            events.append(self._control(first & 0x0F, payload))
            return body + length
        self._begin(first, length, mask, events)
        return body

    def _check(self, first: int, second: int) -> None:
        opcode = first & 0x0F
        if first & _RSV or opcode not in _OPCODES:
            raise WebSocketError("a WebSocket frame has reserved bits or a reserved opcode")
        if bool(second & _MASKED) != self._masked:
            raise WebSocketError("a WebSocket frame has a bad mask bit")
        if opcode & _CONTROL:
            if not first & _FIN or second & ~_MASKED > _MAX_CONTROL:
                raise WebSocketError("a WebSocket control frame is fragmented or too long")
        elif (opcode == CONTINUATION) != (self._opcode != CONTINUATION):
            raise WebSocketError("WebSocket messages are mixed up")

    def _begin(self, first: int, length: int, mask: bytes, events: list[Event]) -> None:
        """A frame of a message begins."""
        if opcode := first & 0x0F:
            self._opcode, self._size, self._first = opcode, 0, True
        self._size += length
        if length >> 63:
            raise WebSocketError("a WebSocket frame has a negative length")
        if self._max_message is not None and self._size > self._max_message:
            text = f"a WebSocket message is longer than {self._max_message} bytes"
            raise WebSocketError(text, close_code=TOO_BIG)
        self._fin, self._left = bool(first & _FIN), length
        self._mask = mask if any(mask) else b""
        if not length:
            self._piece(_EMPTY, events)

    def _payload(self, view: memoryview, at: int, events: list[Event]) -> int:
        end = min(at + self._left, len(view))
        self._left -= end - at
        piece: memoryview | bytes = view[at:end]
        if self._mask:
            piece = apply_mask(piece, self._mask)
            turn = (end - at) % 4
            self._mask = self._mask[turn:] + self._mask[:turn]
        self._piece(piece, events)
        return end

    def _piece(self, payload: memoryview | bytes, events: list[Event]) -> None:
        last = self._fin and not self._left
        if self._opcode == BINARY:
            events.append(Binary(payload, self._first, last))
        else:
            self._check_text(payload, last)
            events.append(Text(payload, self._first, last))
        self._first = False
        if last:
            self._opcode = CONTINUATION

    def _check_text(self, payload: memoryview | bytes, last: bool) -> None:
        try:
            self._utf8.decode(payload, last)
        except UnicodeDecodeError as error:
            text = "a WebSocket text message is not UTF-8"
            raise WebSocketError(text, close_code=NOT_UTF8) from error

    def _gather(self, view: memoryview, at: int, events: list[Event]) -> int:
        """Move bytes to what is held until that is a whole header, or a whole control frame."""
        held = self._held
        end = min(at + _whole(held) - len(held), len(view))
        held += view[at:end]
        if len(held) == _whole(held):
            frame = bytes(held)
            held.clear()
            self._start(memoryview(frame), 0, events)
        return end

    def _control(self, opcode: int, payload: bytes) -> Event:
        if opcode == PING:
            return Ping(payload)
        if opcode == PONG:
            return Pong(payload)
        self._closed = True
        return _parse_close(payload)


def _whole(start: bytes | bytearray | memoryview) -> int:
    """The size of a frame's header, with a control frame's payload, as far as `start` tells."""
    if len(start) < 2:
        return 2
    length = start[1] & ~_MASKED
    layout = _EXTENDED.get(length)
    size = 2 + (layout.size if layout else 0) + (4 if start[1] & _MASKED else 0)
    return size + length if start[0] & _CONTROL and layout is None else size


def _parse_close(payload: bytes) -> Close:
    if not payload:
        return Close(NO_STATUS, "")
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not 1000 <= code < 5000 or code in _RESERVED_CODES:
        raise WebSocketError("a WebSocket close frame has a bad code")
    try:
        return Close(code, payload[2:].decode())
    except UnicodeDecodeError as error:
        text = "the reason in a WebSocket close frame is not UTF-8"
        raise WebSocketError(text, close_code=NOT_UTF8) from error


def encode_frame(opcode: int, payload_len: int, mask: bytes | None, fin: bool = True) -> bytes:
    """The header of a frame, whose payload goes right behind it, through `apply_mask` if `mask`.

    A client must give a mask of 4 bytes, a server none (RFC 6455, 5.1).
    """
    first, bit = opcode | _FIN * fin, _MASKED if mask else 0
    if payload_len < _U16:
        header = bytes((first, bit | payload_len))
    elif payload_len < 1 << 16:
        header = bytes((first, bit | _U16)) + _EXTENDED[_U16].pack(payload_len)
    else:
        header = bytes((first, bit | _U64)) + _EXTENDED[_U64].pack(payload_len)
    return header + (mask or b"")


def control_frame(opcode: int, payload: bytes, mask: bytes | None) -> bytes:
    """A whole PING, PONG or CLOSE; the payload has at most 125 bytes."""
    if len(payload) > _MAX_CONTROL:
        raise ValueError("the payload of a WebSocket control frame has at most 125 bytes")
    return encode_frame(opcode, len(payload), mask) + apply_mask(payload, mask or b"")


def close_frame(code: int, reason: str, mask: bytes | None) -> bytes:
    """A whole CLOSE; a reason that is too long is cut."""
    words = reason.encode()[: _MAX_CONTROL - 2].decode("utf-8", "ignore")
    return control_frame(CLOSE, code.to_bytes(2, "big") + words.encode(), mask)


def client_handshake_key(random_bytes: bytes) -> str:
    """The value of `Sec-WebSocket-Key`, from 16 random bytes."""
    if len(random_bytes) != 16:
        raise ValueError("a WebSocket key is made of 16 bytes")
    return base64.b64encode(random_bytes).decode()


def accept_key(key: str) -> str:
    """The value of `Sec-WebSocket-Accept` that proves that the server read `key` (4.2.2)."""
    digest = hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()
