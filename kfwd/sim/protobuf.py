"""Reads request bodies in `application/vnd.kubernetes.protobuf`. Pure.

kubectl's typed commands (`auth can-i`, `create deployment`) send them whatever the server answers
in. Wire format: protobuf's encoding guide; the envelope: apimachinery `runtime.Unknown`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from functools import cache
from typing import Any

from kfwd.sim.protoschema import MESSAGES, fields

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"
MAX_DEPTH = 32

_fields = cache(fields)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """(value, where it ends)."""
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("protobuf: a number has no end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def wire(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, value) of a message: ints for varints, bytes for everything else."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        match tag & 7:
            case 0:
                value, at = _varint(data, at)
                yield tag >> 3, value
                continue
            case 1:
                size = 8
            case 2:
                size, at = _varint(data, at)
            case 5:
                size = 4
            case kind:
                raise ValueError(f"protobuf: wire type {kind} is not known")
        if at + size > len(data):
            raise ValueError("protobuf: a field is longer than its message")
        yield tag >> 3, data[at : at + size]
        at += size


def _int_or_string(data: bytes) -> int | str:
    found = dict(wire(data))
    if found.get(1, 0) == 0:
        return _signed(found.get(2, 0))
    return _text(found.get(3, b""))


def _signed(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise ValueError("protobuf: a number was expected")
    return value - (1 << 64) if value >> 63 else value


def _text(value: int | bytes) -> str:
    if not isinstance(value, bytes):
        raise ValueError("protobuf: a string was expected")
    return value.decode()


def _raw(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("protobuf: a message was expected")
    return value


def _value(kind: str, value: int | bytes, depth: int) -> Any:
    match kind:
        case "str":
            return _text(value)
        case "bytes":
            return base64.b64encode(_raw(value)).decode()
        case "int" | "int?":
            return _signed(value)
        case "bool" | "bool?":
            return bool(value)
        case "IntOrString":
            return _int_or_string(_raw(value))
    return _message(kind, _raw(value), depth + 1)


def _entry(kind: str, value: int | bytes, depth: int) -> dict[str, Any]:
    """One entry of a map."""
    found = dict(wire(_raw(value)))
    item = "bytes" if kind == "bytesmap" else "str"
    return {_text(found.get(1, b"")): _value(item, found.get(2, b""), depth)}


def _message(name: str, data: bytes, depth: int = 0) -> dict[str, Any]:
    """A message as the JSON the same object would have; unknown fields are left out."""
    if depth > MAX_DEPTH:
        raise ValueError("protobuf: nested too deep")
    known = _fields(name)
    result: dict[str, Any] = {}
    for number, value in wire(data):
        if number not in known:
            continue
        field, kind = known[number]
        if kind.startswith("*"):
            result.setdefault(field, []).append(_value(kind[1:], value, depth))
        elif kind in {"map", "bytesmap"}:
            result.setdefault(field, {}).update(_entry(kind, value, depth))
        elif kind.startswith("+"):
            result.update(_value(kind, value, depth))
        elif (decoded := _value(kind, value, depth)) or kind in {"int?", "bool?", "IntOrString"}:
            result[field] = decoded
    return result


def decode(body: bytes) -> dict[str, Any]:
    """The object in a request body. Raises ValueError for one that is broken or not known."""
    if not body.startswith(MAGIC):
        raise ValueError("protobuf: the body does not begin with k8s\\0")
    envelope = dict(wire(body[len(MAGIC) :]))
    names = dict(wire(_raw(envelope.get(1, b""))))
    api_version, kind = _text(names.get(1, b"")), _text(names.get(2, b""))
    if kind not in MESSAGES:
        raise ValueError(f"protobuf: {kind} is taken as JSON only")
    return {
        "kind": kind,
        "apiVersion": api_version,
        **_message(kind, _raw(envelope.get(2, b""))),
    }
