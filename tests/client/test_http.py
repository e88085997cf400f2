"""HTTP/1.1 as the client reads it, from real sockets."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from kfwd.client import http
from kfwd.errors import ProtocolError
from tests.standin import StandIn


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    with ours, theirs:
        yield ours, theirs


def answer(pair: tuple[socket.socket, socket.socket], data: bytes) -> http.Response:
    pair[1].sendall(data)
    pair[1].shutdown(socket.SHUT_WR)
    return http.request(pair[0], "GET", "/", None)


def test_the_request_is_what_the_daemon_expects(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    with http.request(pair[0], "PUT", "/v1/x", b"{}"):
        assert pair[1].recv(4096) == (
            b"PUT /v1/x HTTP/1.1\r\nHost: kfwd\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        )


@pytest.mark.parametrize(
    "data",
    [
        b"Content-Length: 5\r\n\r\nhelloEXTRA",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: x\r\n\r\n",
        b"\r\nhello",
    ],
    ids=["counted", "chunked", "until the end"],
)
def test_bodies_are_read_in_each_framing(
    pair: tuple[socket.socket, socket.socket], data: bytes
) -> None:
    with answer(pair, b"HTTP/1.1 200 OK\r\n" + data) as response:
        assert response.status == 200
        assert response.read() == b"hello"


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
    ],
)
def test_a_body_that_is_cut_off_is_no_body(
    pair: tuple[socket.socket, socket.socket], data: bytes
) -> None:
    with answer(pair, data) as response, pytest.raises(ConnectionResetError):
        response.read()


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 abc\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 101,
    ],
)
def test_what_is_not_http_is_a_protocol_error(
    pair: tuple[socket.socket, socket.socket], data: bytes
) -> None:
    with pytest.raises(ProtocolError):
        answer(pair, data)


@pytest.mark.parametrize("size", [b"zz", b"-1", b"fffffffff"])
def test_a_bad_chunk_size_is_a_protocol_error(
    pair: tuple[socket.socket, socket.socket], size: bytes
) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with answer(pair, head + size + b"\r\n") as response, pytest.raises(ProtocolError):
        response.read()


def test_lines_come_whole_whatever_the_chunks(pair: tuple[socket.socket, socket.socket]) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    data = b"2\r\na1\r\n6\r\n\n\nb2\nc\r\n1\r\n3\r\n"
    with answer(pair, head + data) as response:
        assert list(response.lines()) == [b"a1", b"", b"b2"]


def test_silence_ends_the_lines(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na\n\r\n")
    with http.request(pair[0], "GET", "/", None) as response:
        response.limit(0.01)
        assert list(response.lines()) == [b"a"]


def test_quoting_is_percent_encoding_of_utf_8() -> None:
    assert http.quote("/home/ü ?&.yaml") == "%2Fhome%2F%C3%BC%20%3F%26.yaml"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a socket belong to somebody else")
def test_a_socket_of_another_user_is_not_spoken_to(
    server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    with pytest.raises(PermissionError, match="belongs to user 0"):
        http.connect(server.folder / "kfwd.sock", 1)


BODY = b"4\r\nwire\r\n3;x=y\r\nd\r\n\r\n0\r\n\r\n"


@pytest.mark.parametrize("size", range(1, len(BODY) + 1))
def test_a_chunked_body_is_the_same_however_it_comes(size: int) -> None:
    body = http.Chunks()
    pieces = [BODY[at : at + size] for at in range(0, len(BODY), size)]
    assert b"".join(body.feed(piece) for piece in pieces) == b"wired\r\n"
    assert body.ended


def test_what_is_not_whole_yet_waits() -> None:
    body = http.Chunks()
    assert body.feed(b"4\r\nwi") == b""
    assert body.feed(b"re\r\n4\r\n") == b"wire"
    assert not body.ended
    with pytest.raises(ProtocolError, match="bad chunk"):
        http.Chunks().feed(b"x\r\n")
