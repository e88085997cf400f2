"""The one place where JSON and plain values become records, in any thread.

msgspec learns a record type at its first use. A thread that meets a type which another one is still
learning follows a null pointer, and the process is gone: so only one thread learns at a time.
"""

from __future__ import annotations

import threading
from typing import Any, TypeVar, overload

import msgspec
from msgspec.json import Decoder

T = TypeVar("T")

_learning = threading.Lock()
_decoders: dict[Any, Decoder[Any]] = {}


@overload
def decoder(shape: type[T]) -> Decoder[T]: ...
@overload
def decoder(shape: Any) -> Decoder[Any]: ...
def decoder(shape: Any) -> Decoder[Any]:
    """The JSON decoder of a type, made once."""
    found = _decoders.get(shape)
    if found is None:
        with _learning:
            found = _decoders[shape] = Decoder(shape)
    return found


def decode(data: bytes, shape: type[T]) -> T:
    """JSON as a record. Raises `msgspec.DecodeError`, and `UnicodeDecodeError` as that does."""
    return decoder(shape).decode(data)


def convert(value: Any, shape: type[T], *, strict: bool = True) -> T:
    """A plain value as a record; not `strict` reads numbers and booleans out of strings.

    Raises `msgspec.ValidationError`.
    """
    decoder(shape)
    return msgspec.convert(value, shape, strict=strict)
