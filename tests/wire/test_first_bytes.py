"""What a client speaks, by its first byte."""

from __future__ import annotations

import pytest

from kfwd.wire.first_bytes import Speech, is_request, speech


@pytest.mark.parametrize(
    ("first", "spoken"),
    [
        (b"GET / HTTP/1.1\r\n", Speech.HTTP),
        (b"CONNECT web.shop:80 HTTP/1.1\r\n", Speech.HTTP),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Speech.HTTP),
        (b"\r\nGET / HTTP/1.1\r\n", Speech.HTTP),
        (b"\x05\x01\x00", Speech.SOCKS5),
        (b"\x04\x01\x00\x50", Speech.SOCKS4),
        (b"\x16\x03\x01\x02\x00\x01", Speech.TLS),
        (b"\x00", Speech.HTTP),
    ],
)
def test_the_first_byte_tells_the_protocol(first: bytes, spoken: Speech) -> None:
    assert speech(first[0]) is spoken


@pytest.mark.parametrize(
    ("data", "is_one"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", True),
        (b"POST http://web.shop/x HTTP/1.0\r\n", True),
        (b"GET /a/long/pa", True),
        (b"OPTIONS rtsp://camera/ RTSP/1.0\r\n", False),
        (b"EHLO /dev HTTP/2\r\n", False),
        (b"SELECT 1\r\n", False),
        (b"\x16\x03\x01", False),
        (b"", False),
    ],
)
def test_a_request_is_known_by_its_first_line(data: bytes, is_one: bool) -> None:
    assert is_request(data) is is_one
    assert is_request(memoryview(data)) is is_one
