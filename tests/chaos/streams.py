"""Bytes that tell their place: any prefix can be checked, wherever it was cut. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from msgspec import Struct

from kfwd.sim import pattern

BLOCK = 4096
SHOWN = 16


class WrongByte(Exception):
    """What came is not what was sent: changed, lost in the middle, repeated or out of order."""


class Stream(Struct, frozen=True):
    """Endless bytes: `block(n)` is the n-th block of `size` bytes."""

    block: Callable[[int], bytes]
    size: int

    def piece(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset` on."""
        first = offset // self.size
        last = (offset + length + self.size - 1) // self.size
        whole = b"".join(map(self.block, range(first, last)))
        start = offset - first * self.size
        return whole[start : start + length]


def coded(key: str) -> Stream:
    """A stream of its own for each key; each block begins with its number."""
    fill = hashlib.shake_256(key.encode()).digest(BLOCK - 8)
    return Stream(lambda number: number.to_bytes(8, "big") + fill, BLOCK)


PROBE = Stream(pattern.block, pattern.BLOCK)
"""What the probe's port 9002 sends."""


class Checker:
    """Compares what comes, piece by piece, with the first `total` bytes of a stream."""

    def __init__(self, stream: Stream, total: int) -> None:
        self._stream = stream
        self._total = total
        self.position = 0

    def __str__(self) -> str:
        return f"{self.position} of {self._total} bytes"

    @property
    def complete(self) -> bool:
        return self.position == self._total

    def feed(self, data: bytes) -> None:
        """Raises `WrongByte` at the first piece that is not what belongs there."""
        end = self.position + len(data)
        if end > self._total:
            raise WrongByte(f"{end - self._total} bytes beyond the {self._total} that were sent")
        sent = self._stream.piece(self.position, len(data))
        if data != sent:
            first = next(n for n, byte in enumerate(data) if byte != sent[n])
            place, got, due = self.position + first, data[first:], sent[first:]
            raise WrongByte(f"from byte {place} on {due[:SHOWN]!r} was sent, {got[:SHOWN]!r} came")
        self.position = end
