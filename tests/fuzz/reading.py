"""How targets take bytes apart."""

from __future__ import annotations

from typing import Final

CUTS: Final = b"\x06\x02"
"""What a seed of a target begins with that reads its bytes in pieces (`cut`)."""


def cut(data: bytes) -> tuple[tuple[int, int], bytes]:
    """Sizes of pieces, as the first two bytes have it, and the bytes that come in them."""
    head = data[:2].ljust(2, b"\0")
    return (1 + head[0] % 40, 1 + head[1] % 7), data[2:]


class Numbers:
    """Small decisions out of bytes; zeros when they are used up."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return max(0, len(self._data) - self._at)

    def below(self, bound: int) -> int:
        """A number from 0 to `bound` - 1, of one byte."""
        return (self.take(1) or b"\0")[0] % bound

    def take(self, count: int) -> bytes:
        piece = self._data[self._at : self._at + count]
        self._at += count
        return piece
