"""SPDY/3 header blocks: name/value pairs behind one zlib stream a direction and session.

Sources: protocol notes B.3; RFC 1950 for the zlib header. Blocks must be inflated in the order they
arrive and written in the order they are deflated, none left out.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from struct import Struct as Layout

from kfwd.errors import ProtocolError
from kfwd.wire.spdy_dictionary import DICTIONARY

MAX_BLOCK = 256 * 1024
"""Largest header block after inflating it, in bytes; real ones have less than a hundred."""
MAX_HEADERS = 1000
"""Most headers in a block: Go's own limit."""

_U32 = Layout(">I")


class Inflater:
    """Reads the header blocks of one peer; bounded against blocks that inflate without end."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(zdict=DICTIONARY)

    def inflate(self, block: bytes | memoryview) -> dict[str, str]:
        """The headers of the next block; several values of one name are joined by NUL.

        Raises `ProtocolError` when the session cannot go on.
        """
        try:
            text = self._zlib.decompress(block, MAX_BLOCK + 1)
        except zlib.error as error:
            raise ProtocolError(f"a SPDY header block cannot be inflated: {error}") from error
        if len(text) > MAX_BLOCK:
            raise ProtocolError(f"a SPDY header block is longer than {MAX_BLOCK} bytes")
        if self._zlib.eof:
            raise ProtocolError("a SPDY header block ends the compressed stream")
        return _parse(text)


class Deflater:
    """Writes the header blocks of one peer."""

    def __init__(self) -> None:
        # A 2 KiB window holds the dictionary and some blocks; zlib's defaults take 256 KiB a
        # session, this takes 24. The stream is raw so that its header can announce the usual
        # 32 KiB: every inflater takes that, and a smaller window within it.
        self._zlib = zlib.compressobj(9, zlib.DEFLATED, -11, 5, zdict=DICTIONARY)
        self._zlib_header = b"\x78\xf9" + _U32.pack(zlib.adler32(DICTIONARY))

    def deflate(self, headers: Mapping[str, str]) -> bytes:
        """The next block. It ends with a sync flush: without one Go's inflater waits for more."""
        zlib_header, self._zlib_header = self._zlib_header, b""
        block = self._zlib.compress(_format(headers))
        return zlib_header + block + self._zlib.flush(zlib.Z_SYNC_FLUSH)


def _parse(block: bytes) -> dict[str, str]:
    count, at = _length(block, 0)
    if count > MAX_HEADERS:
        raise ProtocolError(f"a SPDY header block has {count} headers")
    headers: dict[str, str] = {}
    for _ in range(count):
        raw, at = _string(block, at)
        if raw != raw.lower():
            raise ProtocolError("a SPDY header name has an upper-case letter")
        value, at = _string(block, at)
        name, text = raw.decode("latin-1"), value.decode("latin-1")
        headers[name] = f"{headers[name]}\0{text}" if name in headers else text
    if at != len(block):
        raise ProtocolError("a SPDY header block goes on behind its last header")
    return headers


def _length(block: bytes, at: int) -> tuple[int, int]:
    if at + _U32.size > len(block):
        raise ProtocolError("a SPDY header block is cut short")
    return _U32.unpack_from(block, at)[0], at + _U32.size


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    length, at = _length(block, at)
    if at + length > len(block):
        raise ProtocolError("a SPDY header block is cut short")
    return block[at : at + length], at + length


def _format(headers: Mapping[str, str]) -> bytes:
    parts = [_U32.pack(len(headers))]
    for header in headers.items():
        for text in header:
            raw = text.encode("latin-1")
            parts += (_U32.pack(len(raw)), raw)
    return b"".join(parts)
