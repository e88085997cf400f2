"""What a client speaks, by the first byte that it sends. Pure.

Requests of HTTP/1.1 begin with a letter of their method, and so does the preface of HTTP/2
(RFC 9113, 3.4), whose version the parser of requests refuses with a sentence. SOCKS begins with its
version (RFC 1928), TLS with the type of a handshake record (RFC 8446, 5.1).
"""

from __future__ import annotations

import re
from enum import Enum

SOCKS5_VERSION, SOCKS4_VERSION, TLS_HANDSHAKE = 0x05, 0x04, 0x16


class Speech(Enum):
    HTTP = "http"
    SOCKS5 = "socks5"
    SOCKS4 = "socks4"
    TLS = "tls"


_BY_BYTE = {
    SOCKS5_VERSION: Speech.SOCKS5,
    SOCKS4_VERSION: Speech.SOCKS4,
    TLS_HANDSHAKE: Speech.TLS,
}


_REQUEST = re.compile(rb"[A-Z]{3,20} (?:/|http://)[^\r\n]*(?: HTTP/1\.[01]\r\n|\Z)")


def is_request(data: bytes | bytearray | memoryview) -> bool:
    """Whether data begins with the line of an HTTP/1.1 request, or with a part of one."""
    return _REQUEST.match(data) is not None


def speech(first: int) -> Speech:
    """The protocol of a connection whose first byte this is."""
    return _BY_BYTE.get(first, Speech.HTTP)
