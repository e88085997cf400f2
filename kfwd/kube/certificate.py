"""When certificates are valid, read from their PEM text. Pure.

The standard library tells a certificate's dates only of a peer that passed its checks, so the few
fields on the way to them are walked here (RFC 5280 section 4.1, DER as in X.690).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec import Struct

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_VERSION_TAG = 0xA0
_GENERALIZED_TIME = 0x18


class Validity(Struct, frozen=True):
    """From when until when (UTC) a certificate is valid."""

    start: datetime
    end: datetime


def blocks(pem: bytes) -> list[bytes]:
    """The certificates in `pem`, without any text around them."""
    return [match[0] for match in _BLOCK.finditer(pem)]


def validity(pem: bytes) -> Validity:
    """The dates of the first certificate in `pem`. Raises `ValueError` when there is none."""
    found = _BLOCK.search(pem)
    if found is None:
        raise ValueError("no certificate in it")
    try:
        return _validity(base64.b64decode(b"".join(found[1].split()), validate=True))
    except (binascii.Error, IndexError, StopIteration, UnicodeDecodeError) as error:
        raise ValueError("the certificate is damaged") from error


def _validity(der: bytes) -> Validity:
    _, certificate = next(_values(der))
    _, signed = next(_values(certificate))
    fields = [content for tag, content in _values(signed) if tag != _VERSION_TAG]
    start, end = (_time(tag, content) for tag, content in _values(fields[3]))
    return Validity(start, end)


def _values(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each value that `der` holds, one level deep."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(der[at : at + size]), at + size
        yield tag, der[at : at + length]
        at += length


def _time(tag: int, content: bytes) -> datetime:
    text = content.decode("ascii")
    if tag != _GENERALIZED_TIME:  # UTCTime: two digits, 1950 to 2049
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
