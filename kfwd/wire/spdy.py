"""SPDY/3.1 framing as Kubernetes' servers really do it, in both directions.

Follows spdystream v0.5.1 (protocol notes B): version 3 on the wire, no flow control, one zlib
context a direction for the whole session. The version field is not checked, as there. Every header
block is inflated when it arrives, whoever it is for, since later blocks refer to earlier ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct as Layout
from typing import Final, TypeAlias

from msgspec import Struct

from kfwd.errors import ProtocolError
from kfwd.wire.spdy_headers import Deflater, Inflater

SYN_STREAM = 1
SYN_REPLY = 2
RST_STREAM = 3
SETTINGS = 4
PING = 6
GOAWAY = 7
HEADERS = 8
WINDOW_UPDATE = 9

RST_PROTOCOL_ERROR = 1
RST_INVALID_STREAM = 2
RST_REFUSED_STREAM = 3
RST_CANCEL = 5
RST_INTERNAL_ERROR = 6

GOAWAY_OK = 0
GOAWAY_PROTOCOL_ERROR = 1
GOAWAY_INTERNAL_ERROR = 2

MAX_STREAM_ID = 0x7FFFFFFF
MAX_PAYLOAD = 0xFFFFFF

MAX_CONTROL = 64 * 1024
"""Largest payload of a control frame that is taken; real ones have less than a hundred bytes."""

_CONTROL_BIT = 0x80000000
_CONTROL_FRAME = 0x80030000
_FIN = 0x01
HEADER_SIZE = 8
_EMPTY: Final = memoryview(b"")
_CONNECTION_HEADERS: Final = frozenset(
    {"connection", "host", "keep-alive", "proxy-connection", "transfer-encoding"}
)

_U32 = Layout(">I")
_PAIR = Layout(">II")
_SYN = Layout(">IIBB")
_CONTROL_U32 = Layout(">III")
_CONTROL_PAIR = Layout(">IIII")


class SynStream(Struct, frozen=True, gc=False):
    """A stream is opened; several values of one header stay joined by NUL."""

    stream_id: int
    headers: dict[str, str]
    fin: bool = False


class SynReply(Struct, frozen=True, gc=False):
    """A stream is accepted."""

    stream_id: int
    headers: dict[str, str]
    fin: bool = False


class RstStream(Struct, frozen=True, gc=False):
    """A stream ends at once, in both directions; `status` is one of `RST_*` or unknown."""

    stream_id: int
    status: int


class Settings(Struct, frozen=True, gc=False):
    """Well-formed settings, of which nothing is used."""

    count: int


class Ping(Struct, frozen=True, gc=False):
    """A probe of the peer's when the id has its parity, else the answer to one of ours."""

    ping_id: int


class GoAway(Struct, frozen=True, gc=False):
    """The peer closes the session now; nothing that was under way is finished (B.5)."""

    last_stream_id: int
    status: int


class Headers(Struct, frozen=True, gc=False):
    """More headers for a stream."""

    stream_id: int
    headers: dict[str, str]
    fin: bool = False


class WindowUpdate(Struct, frozen=True, gc=False):
    """Flow control that nobody does; stream 0 means the session."""

    stream_id: int
    delta: int


class Data(Struct, frozen=True, gc=False):
    """A piece of a DATA frame, as much of it as has arrived; `fin` only on the frame's last piece.

    `payload` is a view into the bytes given to `Decoder.feed` and as short-lived as they are.
    """

    stream_id: int
    payload: memoryview
    fin: bool = False


Frame: TypeAlias = (
    SynStream | SynReply | RstStream | Settings | Ping | GoAway | Headers | WindowUpdate | Data
)


class Decoder:
    """The frames in a stream of bytes that comes in any pieces.

    DATA is passed on as it arrives and never kept; a control frame is kept until it is whole, at
    most `MAX_CONTROL` bytes. `feed` raises `ProtocolError` and nothing else; the session is over
    then, and the frames of that call are lost with it.
    """

    def __init__(self) -> None:
        self._inflater = Inflater()
        self._held = bytearray()  # a frame's header, or a control frame, that is not whole yet
        self._stream_id = 0  # of the DATA frame whose payload is arriving
        self._fin = False
        self._left = 0  # bytes of that payload still to come

    def feed(self, data: bytes | bytearray | memoryview) -> list[Frame]:
        """The frames and DATA pieces that `data` completes."""
        frames: list[Frame] = []
        view = memoryview(data)
        at, size = 0, len(view)
        while at < size:
            if self._left:
                end = min(at + self._left, size)
                self._left -= end - at
                fin = self._fin and not self._left
                frames.append(Data(self._stream_id, view[at:end], fin))
                at = end
            elif self._held or size - at < HEADER_SIZE:
                at = self._gather(view, at, frames)
            else:
                at = self._start(view, at, frames)
        return frames

    def _start(self, view: memoryview, at: int, frames: list[Frame]) -> int:
        """Read the frame header at `at`, and the whole frame if it is a control frame."""
        first: int
        second: int
        first, second = _PAIR.unpack_from(view, at)
        flags, length = second >> 24, second & MAX_PAYLOAD
        at += HEADER_SIZE
        if first & _CONTROL_BIT:
            if length > MAX_CONTROL:
                raise ProtocolError(f"the peer sent a SPDY control frame of {length} bytes")
            if at + length > len(view):
                self._held += view[at - HEADER_SIZE :]
                return len(view)
            parse = _PARSERS.get(first & 0xFFFF, _unknown)
            frames.append(parse(self._inflater, flags, view[at : at + length]))
            return at + length
        if not first:
            raise ProtocolError("the peer sent a SPDY frame for stream 0")
        self._stream_id, self._fin, self._left = first, bool(flags & _FIN), length
        if not length:
            frames.append(Data(first, _EMPTY, self._fin))
        return at

    def _gather(self, view: memoryview, at: int, frames: list[Frame]) -> int:
        """Move bytes to what is held until that is a whole header, or a whole control frame."""
        held = self._held
        whole = HEADER_SIZE
        if len(held) >= HEADER_SIZE:
            whole += int.from_bytes(held[5:8], "big")
        end = min(at + whole - len(held), len(view))
        held += view[at:end]
        if len(held) == whole:
            frame = bytes(held)
            held.clear()
            self._start(memoryview(frame), 0, frames)
        return end


def _syn_stream(inflater: Inflater, flags: int, payload: memoryview) -> Frame:
    stream_id, headers = _stream_id(payload), inflater.inflate(payload[_SYN.size :])
    if bad := _CONNECTION_HEADERS & headers.keys():
        raise ProtocolError(f"the peer opened a SPDY stream with the header {min(bad)!r}")
    return SynStream(stream_id, headers, bool(flags & _FIN))


def _syn_reply(inflater: Inflater, flags: int, payload: memoryview) -> Frame:
    headers = inflater.inflate(payload[_U32.size :])
    return SynReply(_stream_id(payload), headers, bool(flags & _FIN))


def _headers(inflater: Inflater, flags: int, payload: memoryview) -> Frame:
    headers = inflater.inflate(payload[_U32.size :])
    return Headers(_stream_id(payload), headers, bool(flags & _FIN))


def _rst_stream(_: Inflater, flags: int, payload: memoryview) -> Frame:
    # Go does not check this length and reads on out of step; whoever sends it is lost either way.
    _require(len(payload) == _PAIR.size, "RST_STREAM")
    _, status = _PAIR.unpack(payload)
    _require(status != 0, "RST_STREAM")
    return RstStream(_stream_id(payload), status)


def _settings(_: Inflater, flags: int, payload: memoryview) -> Frame:
    _require(len(payload) >= _U32.size, "SETTINGS")
    count: int = _U32.unpack_from(payload)[0]
    _require(len(payload) == _U32.size + count * _PAIR.size, "SETTINGS")
    return Settings(count)


def _ping(_: Inflater, flags: int, payload: memoryview) -> Frame:
    _require(not flags and len(payload) == _U32.size, "PING")
    ping_id: int = _U32.unpack(payload)[0]
    _require(ping_id != 0, "PING")
    return Ping(ping_id)


def _goaway(_: Inflater, flags: int, payload: memoryview) -> Frame:
    _require(not flags and len(payload) == _PAIR.size, "GOAWAY")
    last_stream_id, status = _PAIR.unpack(payload)
    return GoAway(last_stream_id & MAX_STREAM_ID, status)


def _window_update(_: Inflater, flags: int, payload: memoryview) -> Frame:
    _require(not flags and len(payload) == _PAIR.size, "WINDOW_UPDATE")
    stream_id, delta = _PAIR.unpack(payload)
    return WindowUpdate(stream_id & MAX_STREAM_ID, delta)


def _unknown(_: Inflater, flags: int, payload: memoryview) -> Frame:
    raise ProtocolError("the peer sent a SPDY control frame of an unknown type")


_PARSERS: Final[Mapping[int, Callable[[Inflater, int, memoryview], Frame]]] = {
    SYN_STREAM: _syn_stream,
    SYN_REPLY: _syn_reply,
    RST_STREAM: _rst_stream,
    SETTINGS: _settings,
    PING: _ping,
    GOAWAY: _goaway,
    HEADERS: _headers,
    WINDOW_UPDATE: _window_update,
}


def _stream_id(payload: memoryview) -> int:
    """The stream a control frame is about, which its payload starts with."""
    _require(len(payload) >= _U32.size, "control frame")
    stream_id: int = _U32.unpack_from(payload)[0]
    stream_id &= MAX_STREAM_ID
    if not stream_id:
        raise ProtocolError("the peer sent a SPDY frame for stream 0")
    return stream_id


def _require(condition: bool, name: str) -> None:
    if not condition:
        raise ProtocolError(f"the peer sent a malformed SPDY {name}")


class Encoder:
    """Frames with header blocks, for one direction of one session.

    All blocks share one zlib stream: what these methods return must be written in the order of the
    calls, none left out.
    """

    def __init__(self) -> None:
        self._deflater = Deflater()

    def syn_stream(self, stream_id: int, headers: Mapping[str, str], *, fin: bool = False) -> bytes:
        """Open a stream, with priority 0 as every frame must have here (B.8)."""
        return self._frame(SYN_STREAM, _SYN.pack(stream_id, 0, 0, 0), headers, fin)

    def syn_reply(
        self, stream_id: int, headers: Mapping[str, str] | None = None, *, fin: bool = False
    ) -> bytes:
        """Accept a stream."""
        return self._frame(SYN_REPLY, _U32.pack(stream_id), headers or {}, fin)

    def headers(self, stream_id: int, headers: Mapping[str, str], *, fin: bool = False) -> bytes:
        """More headers for a stream; a Go peer stalls on them (B.5), so only tests send any."""
        return self._frame(HEADERS, _U32.pack(stream_id), headers, fin)

    def _frame(self, kind: int, start: bytes, headers: Mapping[str, str], fin: bool) -> bytes:
        payload = start + self._deflater.deflate(headers)
        return control_header(kind, len(payload), _FIN * fin) + payload


def control_header(kind: int, length: int, flags: int = 0) -> bytes:
    """The 8 bytes before a control frame's payload of `length` bytes."""
    return _PAIR.pack(_CONTROL_FRAME | kind, flags << 24 | length)


def data_header(stream_id: int, length: int, *, fin: bool = False) -> bytes:
    """The 8 bytes before a DATA frame's payload of `length` bytes, at most `MAX_PAYLOAD`."""
    return _PAIR.pack(stream_id, fin << 24 | length)


def rst_stream(stream_id: int, status: int) -> bytes:
    """End a stream at once."""
    return _CONTROL_PAIR.pack(_CONTROL_FRAME | RST_STREAM, 8, stream_id, status)


def ping(ping_id: int) -> bytes:
    """Probe the peer, or answer its probe."""
    return _CONTROL_U32.pack(_CONTROL_FRAME | PING, 4, ping_id)


def goaway(last_stream_id: int, status: int = GOAWAY_OK) -> bytes:
    """End the session."""
    return _CONTROL_PAIR.pack(_CONTROL_FRAME | GOAWAY, 8, last_stream_id, status)


def settings(entries: Mapping[int, int]) -> bytes:
    """Settings by id, which Go reads and ignores."""
    body = b"".join(_PAIR.pack(key, value) for key, value in entries.items())
    return control_header(SETTINGS, 4 + len(body)) + _U32.pack(len(entries)) + body


def window_update(stream_id: int, delta: int) -> bytes:
    """Flow control, which Go reads and ignores."""
    return _CONTROL_PAIR.pack(_CONTROL_FRAME | WINDOW_UPDATE, 8, stream_id, delta)
