"""HTTP/1.1 to the control socket, as much as the daemon speaks (RFC 9112). Standard library only.

`http.client` costs as much to import as everything else `kfwd ls` does together.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Self

from kfwd.api_model import HOST
from kfwd.errors import ProtocolError

Query = Iterable[tuple[str, str]]

MAX_LINE = 64 * 1024
MAX_HEADERS = 100
MAX_BODY = 64 * 1024 * 1024
_UNRESERVED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")


def quote(text: str) -> str:
    """Percent-encode everything but unreserved characters (RFC 3986)."""
    return "".join(chr(b) if b in _UNRESERVED else f"%{b:02X}" for b in text.encode())


def query(pairs: Query) -> str:
    """`?a=1&b=2`, or nothing."""
    text = "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs)
    return f"?{text}" if text else ""


def connect(path: Path, timeout_s: float) -> socket.socket:
    """A connection to the control socket of a daemon of ours.

    Raises `OSError`; `PermissionError` where the listener belongs to somebody else, who must not
    be told what we ask for (a fallback place may lie below /tmp).
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        connection.connect(os.fspath(path))
        owner = _peer(connection, path)
        if owner != os.getuid():
            raise PermissionError(f"{path} belongs to user {owner}")
    except BaseException:
        connection.close()
        raise
    return connection


def _peer(connection: socket.socket, path: Path) -> int:
    if not hasattr(socket, "SO_PEERCRED"):
        return path.stat().st_uid
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    user: int = struct.unpack("3i", credentials)[1]
    return user


class Response:
    """The answer to one request; closes its connection at the end."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file: BinaryIO = connection.makefile("rb")
        try:
            self.status, self.headers = read_head(self._file)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()
        self._connection.close()

    def limit(self, timeout_s: float) -> None:
        """Seconds the next bytes may take to come."""
        self._connection.settimeout(timeout_s)

    def read(self) -> bytes:
        """The whole body, at most `MAX_BODY`."""
        pieces, size = [], 0
        for piece in self._pieces():
            size += len(piece)
            if size > MAX_BODY:
                raise ProtocolError("the daemon's answer is too large")
            pieces.append(piece)
        return b"".join(pieces)

    def lines(self) -> Iterator[bytes]:
        """The body line by line as it comes. Ends where the body ends or is cut off."""
        rest = b""
        try:
            for piece in self._pieces():
                *whole, rest = (rest + piece).split(b"\n")
                yield from whole
                if len(rest) > MAX_BODY:
                    raise ProtocolError("the daemon sent a line that is too long")
        except OSError:
            return  # a timeout is one too; the caller connects again

    def _pieces(self) -> Iterator[bytes]:
        if "chunked" in self.headers.get("transfer-encoding", ""):
            return self._chunks()
        length = self.headers.get("content-length")
        return self._counted(int(length) if length and length.isdecimal() else None)

    def _counted(self, left: int | None) -> Iterator[bytes]:
        while left is None or left > 0:
            piece = self._file.read1(65536 if left is None else min(left, 65536))  # type: ignore[attr-defined]  # a BufferedReader
            if not piece:
                if left is None:
                    return
                raise ConnectionResetError("the answer was cut off")
            if left is not None:
                left -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while size := chunk_size(_line(self._file)):
            data = self._file.read(size)
            if len(data) < size or self._file.read(2) != b"\r\n":
                raise ConnectionResetError("the answer was cut off")
            yield data
        while _line(self._file):
            pass  # trailers


class Chunks:
    """A chunked body (RFC 9112 section 7.1), from pieces as they come. Trailers are not read."""

    def __init__(self) -> None:
        self.ended = False
        self._rest = bytearray()

    def feed(self, data: bytes) -> bytes:
        """What is whole by now of the body. Raises `ProtocolError`."""
        self._rest += data
        found, begin = [], 0
        while not self.ended and (end := self._rest.find(b"\r\n", begin)) >= 0:
            size = chunk_size(bytes(self._rest[begin:end]))
            if len(self._rest) < end + size + 4:
                break
            found.append(self._rest[end + 2 : end + 2 + size])
            begin, self.ended = end + size + 4, size == 0
        if begin == 0 and len(self._rest) > MAX_BODY + MAX_LINE:
            raise ProtocolError("the daemon's answer has a bad chunk")
        del self._rest[:begin]
        return b"".join(found)


def request(connection: socket.socket, method: str, target: str, body: bytes | None) -> Response:
    """Send one request and read the head of its answer; the connection is the answer's then."""
    try:
        connection.sendall(encode(method, target, body))
    except BaseException:
        connection.close()
        raise
    return Response(connection)


def encode(method: str, target: str, body: bytes | None = None) -> bytes:
    """The bytes of one request."""
    head = f"{method} {target} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + (body or b"")


def read_head(file: BinaryIO) -> tuple[int, dict[str, str]]:
    """The status and the headers (names in lower case) of an answer."""
    version, _, rest = _line(file).partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
        raise ProtocolError("what answers on the control socket does not speak HTTP")
    headers: dict[str, str] = {}
    for _ in range(MAX_HEADERS):
        if not (line := _line(file)):
            return int(rest[:3]), headers
        name, __, value = line.partition(b":")
        headers[name.decode("latin-1").lower()] = value.decode("latin-1").strip()
    raise ProtocolError("the daemon's answer has too many headers")


def _line(file: BinaryIO) -> bytes:
    line = file.readline(MAX_LINE)
    if not line.endswith(b"\n"):
        raise ConnectionResetError("the answer was cut off")
    return line.rstrip(b"\r\n")


def chunk_size(line: bytes) -> int:
    """The size that a chunk's first line gives. Raises `ProtocolError`."""
    try:
        size = int(line.partition(b";")[0], 16)
    except ValueError:
        size = -1
    if not 0 <= size <= MAX_BODY:
        raise ProtocolError("the daemon's answer has a bad chunk")
    return size
