from __future__ import annotations

import pytest

from kfwd.errors import ProtocolError
from kfwd.wire.http_connect import MAX_HEAD, ClientHandshake


def test_the_request_names_host_and_port() -> None:
    assert ClientHandshake("api.test", 6443).start() == (
        b"CONNECT api.test:6443 HTTP/1.1\r\nHost: api.test:6443\r\n\r\n"
    )
    assert ClientHandshake("::1", 1).start().startswith(b"CONNECT [::1]:1 HTTP/1.1\r\n")


def test_a_login_goes_along_as_basic() -> None:
    request = ClientHandshake("a", 1, ("ann", "p:w")).start()
    assert b"\r\nProxy-Authorization: Basic YW5uOnA6dw==\r\n" in request


@pytest.mark.parametrize("status", ["200 OK", "200 Connection established", "204 No Content"])
def test_any_2xx_opens_the_way_whatever_the_split(status: str) -> None:
    handshake = ClientHandshake("a", 1)
    for byte in f"HTTP/1.1 {status}\r\nX: y\r\n\r\n".encode():
        assert not handshake.done
        assert handshake.receive(bytes([byte])) == b""
    assert handshake.done


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "user name and password"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n<html>", "it answered 403 Forbidden"),
        (b"HTTP/1.1 301\r\n\r\n", "it answered 301"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 2\xb2x\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 \xb200 OK\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\n\r\nearly", "sent more than its answer"),
        (b"x" * (MAX_HEAD + 1), "never ends"),
    ],
)
def test_refusals_say_why(answer: bytes, text: str) -> None:
    with pytest.raises(ProtocolError, match=text):
        ClientHandshake("a", 1).receive(answer)
