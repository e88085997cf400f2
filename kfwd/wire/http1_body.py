"""Where the body of an HTTP/1.1 message ends (RFC 9112, 6 and 7). Pure.

A body is fed the bytes that follow its head and says how many of them are its own. Nothing is
kept but an unfinished line of a chunked body, so bytes can be passed on as they come.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum

from kfwd.errors import HttpError
from kfwd.wire.http1 import RequestHead, ResponseHead, field

MAX_CHUNK_LINE = 1024
MAX_TRAILERS = 8 * 1024
NO_BODY = frozenset({204, 304})
_DIGITS = re.compile(r"[0-9]{1,18}")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")
_TRAILER = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
NOT_IN_TRAILERS = frozenset({"content-length", "transfer-encoding", "host", "content-encoding"})


class Body:
    """A body of `length` bytes. `pieces` are the data bytes of the last `feed`, as views of it."""

    chunked = False

    def __init__(self, length: int = 0) -> None:
        self.length: int | None = length
        self.pieces: Sequence[memoryview] = ()
        self._left = length

    @property
    def done(self) -> bool:
        return not self._left

    def feed(self, data: memoryview) -> int:
        """Take bytes; returns how many belong to the body. Raises `HttpError`."""
        count = min(self._left, len(data))
        self._left -= count
        self.pieces = (data[:count],)
        return count

    def end(self) -> None:
        """The sender closed its side. Raises `HttpError` where something is missing."""
        if not self.done:
            raise HttpError("the connection ended within a body")


class Endless(Body):
    """The body of an answer that lasts until the connection ends."""

    def __init__(self) -> None:
        super().__init__(1)
        self.length = None

    def feed(self, data: memoryview) -> int:
        self.pieces = (data,)
        return len(data)

    def end(self) -> None:
        self._left = 0


class _Part(Enum):
    SIZE = "size"
    DATA = "data"
    DATA_END = "data end"
    TRAILER = "trailer"
    DONE = "done"


class Chunked(Body):
    """A body in chunks. What belongs to it includes the chunk sizes and the trailers."""

    chunked = True

    def __init__(self) -> None:
        super().__init__(0)
        self.length = None
        self._part = _Part.SIZE
        self._line = bytearray()
        self._trailers = 0

    @property
    def done(self) -> bool:
        return self._part is _Part.DONE

    def feed(self, data: memoryview) -> int:
        pieces: list[memoryview] = []
        at = 0
        while at < len(data) and self._part is not _Part.DONE:
            if self._part is _Part.DATA:
                piece = data[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                if not self._left:
                    self._part = _Part.DATA_END
            else:
                at += self._read_line(data[at : at + MAX_CHUNK_LINE])
        self.pieces = pieces
        return at

    def _read_line(self, data: memoryview) -> int:
        """Take bytes up to the end of a line, and act on it when it is there."""
        seen = bytes(data)
        end = seen.find(b"\n") + 1
        self._line += seen[:end] if end else seen
        if len(self._line) > MAX_CHUNK_LINE:
            raise HttpError("a line of a chunked body is too long")
        if not end:
            return len(seen)
        line = bytes(self._line)
        self._line.clear()
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise HttpError("a line of a chunked body does not end with CR LF")
        self._act(line[:-2])
        return end

    def _act(self, line: bytes) -> None:
        if self._part is _Part.SIZE:
            self._begin(line)
        elif self._part is _Part.DATA_END:
            if line:
                raise HttpError("a chunk is longer than its size")
            self._part = _Part.SIZE
        elif line:
            self._trailer(line)
        else:
            self._part = _Part.DONE

    def _begin(self, line: bytes) -> None:
        match = _SIZE.fullmatch(line)
        if match is None:
            raise HttpError("a chunk size is not a number")
        self._left = int(match[1], 16)
        self._part = _Part.DATA if self._left else _Part.TRAILER

    def _trailer(self, line: bytes) -> None:
        self._trailers += len(line)
        if self._trailers > MAX_TRAILERS:
            raise HttpError("the trailers are too long", status=431)
        name, value = field(line.decode("latin-1"))
        if name.lower() in NOT_IN_TRAILERS or not _TRAILER.fullmatch(value):
            raise HttpError(f"{name} is not allowed in a trailer")


def chunk(data: bytes | memoryview) -> bytes:
    """One chunk; nothing for no data, which would end the body."""
    return b"".join((b"%x\r\n" % len(data), data, b"\r\n")) if len(data) else b""


LAST_CHUNK = b"0\r\n\r\n"


def of_request(head: RequestHead) -> Body:
    """The body that follows a request. Raises `HttpError` where its end is in doubt."""
    if "transfer-encoding" in head.index:
        if "content-length" in head.index:
            raise HttpError("Content-Length beside Transfer-Encoding")
        _only_chunked(head.get("transfer-encoding"), head.minor)
        return Chunked()
    return Body(_length(head.index["content-length"])) if "content-length" in head.index else Body()


def of_response(method: str, head: ResponseHead) -> Body:
    """The body that follows an answer to `method`. Raises `HttpError` (502)."""
    if method == "HEAD" or head.status in NO_BODY or 100 <= head.status < 200:
        return Body()
    if method == "CONNECT" and 200 <= head.status < 300:
        return Body()
    try:
        if "transfer-encoding" in head.index:
            if "content-length" in head.index:
                raise HttpError("Content-Length beside Transfer-Encoding")
            _only_chunked(head.get("transfer-encoding"), head.minor)
            return Chunked()
        if "content-length" in head.index:
            return Body(_length(head.index["content-length"]))
    except HttpError as error:
        raise HttpError(f"the answer has no clear end: {error.text}", status=502) from None
    return Endless()


def _only_chunked(coding: str, minor: int) -> None:
    if minor == 0:
        raise HttpError("Transfer-Encoding in an HTTP/1.0 message")
    if coding.lower() != "chunked":
        raise HttpError(f"the transfer coding {coding[:40]!r} is not known", status=501)


def _length(text: str) -> int:
    """`5`, also when it was sent more than once; different lengths are refused."""
    if _DIGITS.fullmatch(text):
        return int(text)
    first, *others = [part.strip(" \t") for part in text.split(",")]
    if not _DIGITS.fullmatch(first) or any(other != first for other in others):
        raise HttpError("Content-Length is not one number")
    return int(first)
