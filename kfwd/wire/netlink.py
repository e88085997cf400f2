"""Messages between a process and the Linux kernel (netlink(7), linux/netlink.h). Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator

OVERRUN = 4
"""The type that tells of messages which were lost."""

_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_REQUEST = 1
_ALIGNED = 4


def request(kind: int, body: bytes) -> bytes:
    """A message that asks for something."""
    return _HEADER.pack(_HEADER.size + len(body), kind, _REQUEST, 0, 0) + body


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each message; one that is cut short counts as an overrun."""
    at = 0
    while at < len(data):
        length, kind = 0, OVERRUN
        if len(data) - at >= _HEADER.size:
            length, kind, *_ = _HEADER.unpack_from(data, at)
        if not _HEADER.size <= length <= len(data) - at:
            yield OVERRUN, b""
            return
        yield kind, data[at + _HEADER.size : at + length]
        at += aligned(length)


def aligned(length: int) -> int:
    """Where the next message or attribute begins after one so long."""
    return (length + _ALIGNED - 1) // _ALIGNED * _ALIGNED
