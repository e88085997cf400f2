"""Reads SPDY frames as Go's server does: one whole frame at a time.

kfwd's own decoder passes DATA on in pieces; a worker of the streaming server is handed a frame only
when all of it was read (protocol notes B.8), and its queue counts frames.
"""

from __future__ import annotations

from kfwd.errors import ProtocolError
from kfwd.wire.spdy import MAX_CONTROL, Data, Decoder, Frame

_HEADER_SIZE = 8
_EMPTY = memoryview(b"")


class Framer:
    """Pull frames out of the bytes of `feed`, one by one; what is left over stays for later.

    `next` raises `ProtocolError` when the session is over. The payload of a DATA frame may be a
    view into what was fed: copy it, and call `keep`, before those bytes change.
    """

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._data = _EMPTY
        self._partial = bytearray()

    def feed(self, data: memoryview) -> None:
        """More bytes. All frames of the last ones must have been pulled."""
        self._data = data

    def keep(self) -> None:
        """Copy the bytes that were not pulled yet: the caller is about to reuse its buffer."""
        self._data = memoryview(bytes(self._data))

    def next(self) -> Frame | None:
        """The next whole frame, or None when more bytes are needed."""
        if self._partial:
            return self._completed()
        if len(self._data) < _HEADER_SIZE or len(self._data) < (size := _size(self._data)):
            self._partial += self._data
            self._data = _EMPTY
            return None
        frame, self._data = self._data[:size], self._data[size:]
        return self._parsed(frame)

    def _completed(self) -> Frame | None:
        """The frame that began in earlier bytes, once all of it is there."""
        if not self._gather(_HEADER_SIZE) or not self._gather(_size(memoryview(self._partial))):
            return None
        frame = memoryview(bytes(self._partial))
        self._partial = bytearray()
        return self._parsed(frame)

    def _gather(self, size: int) -> bool:
        missing = size - len(self._partial)
        if missing > 0:
            self._partial += self._data[:missing]
            self._data = self._data[missing:]
        return len(self._partial) >= size

    def _parsed(self, frame: memoryview) -> Frame:
        if frame[0] & 0x80:
            return self._decoder.feed(frame)[0]
        stream_id = int.from_bytes(frame[:4], "big")
        if not stream_id:
            raise ProtocolError("a DATA frame for stream 0")
        return Data(stream_id, frame[_HEADER_SIZE:], bool(frame[4] & 1))


def _size(frame: memoryview) -> int:
    """The size of a frame with its header. Raises `ProtocolError` for a huge control frame."""
    length = int.from_bytes(frame[5:8], "big")
    if frame[0] & 0x80 and length > MAX_CONTROL:
        raise ProtocolError(f"a control frame of {length} bytes")
    return _HEADER_SIZE + length
