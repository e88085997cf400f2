"""The bytes the probe sends: any length, the same everywhere, no two blocks alike.

Whoever downloads N bytes knows what they must be without having kept them; a lost, repeated or
swapped block changes the hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

BLOCK = 64 * 1024
_FILL = hashlib.shake_256(b"kfwd probe").digest(BLOCK - 8)


def block(number: int) -> bytes:
    """The whole block of this number: a big-endian u64 and 64 KiB less 8 bytes of filling."""
    return number.to_bytes(8, "big") + _FILL


def blocks(total: int) -> Iterator[bytes]:
    """`total` bytes in blocks of 64 KiB, each beginning with its number as a big-endian u64."""
    whole, rest = divmod(total, BLOCK)
    for number in range(whole):
        yield block(number)
    if rest:
        yield block(whole)[:rest]


def sha256(total: int) -> str:
    """The hash, in hex, of the first `total` bytes."""
    digest = hashlib.sha256()
    for block in blocks(total):
        digest.update(block)
    return digest.hexdigest()
