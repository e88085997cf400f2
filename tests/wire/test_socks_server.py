"""The server's side of SOCKS5, byte by byte and against our own client's side."""

from __future__ import annotations

import pytest

from kfwd.wire.socks import ClientHandshake
from kfwd.wire.socks_server import (
    BAD_ADDRESS,
    BAD_COMMAND,
    NOT_ALLOWED,
    OK,
    Denied,
    ServerHandshake,
    reply,
)

GREETING = b"\x05\x01\x00"


def asked(request: bytes) -> ServerHandshake:
    """A handshake after a greeting and a request."""
    handshake = ServerHandshake()
    assert handshake.receive(GREETING) == b"\x05\x00"
    assert handshake.receive(request) == b""
    return handshake


def domain(name: bytes, port: int) -> bytes:
    return b"\x05\x01\x00\x03" + bytes([len(name)]) + name + port.to_bytes(2)


@pytest.mark.parametrize(
    ("request_", "host", "port"),
    [
        (domain(b"web.shop.svc", 8080), "web.shop.svc", 8080),
        (b"\x05\x01\x00\x01\x0a\x60\x00\x01\x00\x50", "10.96.0.1", 80),
        (b"\x05\x01\x00\x04" + bytes(15) + b"\x01\x01\xbb", "::1", 443),
        (domain(b"", 80), "", 80),
    ],
)
def test_names_and_addresses_of_both_families_are_read(
    request_: bytes, host: str, port: int
) -> None:
    handshake = asked(request_)
    assert (handshake.done, handshake.host, handshake.port) == (True, host, port)


def test_it_is_read_a_byte_at_a_time_as_well() -> None:
    handshake = ServerHandshake()
    sent = b"".join(handshake.receive(bytes([byte])) for byte in GREETING + domain(b"web.shop", 80))
    assert sent == b"\x05\x00"
    assert (handshake.done, handshake.host, handshake.port) == (True, "web.shop", 80)


def test_what_follows_the_request_is_kept_for_the_other_end() -> None:
    handshake = asked(domain(b"web.shop", 80) + b"GET / HTTP/1.1\r\n")
    assert handshake.rest == b"GET / HTTP/1.1\r\n"


def test_our_own_client_and_server_understand_each_other() -> None:
    client, server = ClientHandshake("web.shop.svc.cluster.local", 80), ServerHandshake()
    request = client.receive(server.receive(client.start()))
    assert server.receive(request) == b""
    client.receive(reply(OK))
    assert client.done
    assert server.host == "web.shop.svc.cluster.local"


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"\x04\x01\x00\x50", b""),
        (b"\x05\x01\x02", b"\x05\xff"),
        (GREETING + b"\x05\x02\x00\x01\x7f\x00\x00\x01\x00\x50", reply(BAD_COMMAND)),
        (GREETING + b"\x05\x03\x00\x01\x7f\x00\x00\x01\x00\x50", reply(BAD_COMMAND)),
        (GREETING + b"\x05\x01\x00\x05\x7f\x00\x00\x01\x00\x50", reply(BAD_ADDRESS)),
        (GREETING + domain("bücher".encode(), 80), reply(BAD_ADDRESS)),
        (GREETING + b"\x04\x01\x00\x01\x7f\x00\x00\x01\x00\x50", b""),
    ],
    ids=["socks4", "login", "bind", "udp", "address type", "not ascii", "version of the request"],
)
def test_what_is_not_served_is_denied_with_the_right_answer(data: bytes, answer: bytes) -> None:
    with pytest.raises(Denied) as denied:
        ServerHandshake().receive(data)
    assert denied.value.answer == answer


def test_a_reply_is_ten_bytes_with_its_code() -> None:
    assert reply(NOT_ALLOWED) == b"\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00"
