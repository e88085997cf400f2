"""What two daemons say when one takes over from the other: frames, and descriptors beside them.

    new process                      old process
                 <- Held, Listening..., Attached..., Offered
    Ready ->                         (accepts no more)
                 <- Waiting..., Yours
    Taken ->                         (is the daemon no more, closes its copies and hangs up)

The new one touches nothing before the old one has hung up: until then it may be called off.

A frame is `KFWD`, the protocol's version (u16), the number of its descriptors (u16), the size of
its body (u32), and the body: JSON. Descriptors travel beside the bytes, in the same order, at most
`DESCRIPTORS_MAX` a frame. Pure.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct

from kfwd import decoding
from kfwd.api_handover import HANDOVER_PROTOCOL
from kfwd.errors import NOT_JSON, ProtocolError
from kfwd.model import Wanted

MAGIC = b"KFWD"
DESCRIPTORS_MAX = 250
"""Linux takes 253 at once."""

BODY_MAX = 16 * 1024 * 1024
_HEADER = struct.Struct("!4sHHI")
T = TypeVar("T")


class Message(Struct, tag_field="type", tag=str.lower, frozen=True):
    pass


class Held(Message, frozen=True):
    """Descriptors: the lock, the listening control socket. `ours`: its path is the daemon's."""

    ours: bool = True


class Listening(Message, frozen=True):
    """A bound socket for each of these entry ids; the socket itself says where it listens."""

    entries: tuple[str, ...]


class Attached(Message, frozen=True):
    """Entries that no state file knows; their processes come again."""

    entries: tuple[Wanted, ...]


class Offered(Message, frozen=True):
    """All that is needed to be ready was sent."""


class Ready(Message, frozen=True):
    """Everything is bound, nothing is accepted."""


class Waiting(Message, frozen=True):
    """A connection for each of these: entry id, and an address that its listener has."""

    places: tuple[tuple[str, str], ...]


class Yours(Message, frozen=True):
    """All was sent."""


class Taken(Message, frozen=True):
    """Everything is here: the new process is the daemon as soon as the old one hangs up."""


AnyMessage = Held | Listening | Attached | Offered | Ready | Waiting | Yours | Taken
_decoder = decoding.decoder(AnyMessage)


def encode(message: AnyMessage, descriptors: int = 0) -> bytes:
    """The frame of a message with which so many descriptors go."""
    assert descriptors <= DESCRIPTORS_MAX
    body = msgspec.json.encode(message)
    return _HEADER.pack(MAGIC, HANDOVER_PROTOCOL, descriptors, len(body)) + body


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """`items` in pieces of which each fits into one message."""
    for start in range(0, len(items), DESCRIPTORS_MAX):
        yield items[start : start + DESCRIPTORS_MAX]


class Decoder:
    """Frames out of bytes and descriptors that come in any pieces."""

    def __init__(self) -> None:
        self.descriptors: deque[int] = deque()
        self._data = bytearray()

    def feed(self, data: bytes, descriptors: Iterable[int] = ()) -> None:
        self._data += data
        self.descriptors.extend(descriptors)

    def take(self) -> tuple[AnyMessage, list[int]] | None:
        """The next message with its descriptors, once all of it is there.

        Raises `ProtocolError` for what is none, or one of another version.
        """
        if len(self._data) < _HEADER.size:
            return None
        magic, version, count, size = _HEADER.unpack_from(self._data)
        if magic != MAGIC or count > DESCRIPTORS_MAX or size > BODY_MAX:
            raise ProtocolError("what was sent is no handover")
        if version != HANDOVER_PROTOCOL:
            raise ProtocolError(f"handover protocol {version} instead of {HANDOVER_PROTOCOL}")
        end = _HEADER.size + size
        if len(self._data) < end:
            return None
        if len(self.descriptors) < count:
            raise ProtocolError("descriptors are missing: the limit of open files is too low")
        body = bytes(self._data[_HEADER.size : end])
        del self._data[:end]
        return _message(body), [self.descriptors.popleft() for _ in range(count)]


def _message(body: bytes) -> AnyMessage:
    try:
        message: AnyMessage = _decoder.decode(body)
    except NOT_JSON as error:
        raise ProtocolError(f"a message that cannot be understood: {error}") from None
    return message
