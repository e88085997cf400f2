from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfwd.errors import HttpError
from kfwd.wire import http1, http1_body
from kfwd.wire.http1 import HeadReader, RequestHead, parse_request, parse_response
from tests.wire.hostile import HEADS
from tests.wire.pieces import cuts, pieces

PLAIN = b"GET /api?a=1 HTTP/1.1\r\nHost: localhost:8001\r\nX-One:  two words \r\nX-ONE: b\r\n\r\n"


def read(data: bytes, sizes: list[int] | None = None) -> tuple[RequestHead, bytes]:
    """A request's head and what follows it, fed in pieces."""
    reader = HeadReader()
    rest = b""
    done = False
    for piece in pieces(data, sizes or [len(data)]):
        if done:
            rest += bytes(piece)
        elif (used := reader.feed(piece)) is not None:
            rest += bytes(piece[used:])
            done = True
    if not done:
        raise EOFError
    return parse_request(reader.take()), rest


def refused(data: bytes, sizes: list[int] | None = None) -> int:
    """The status that a request is refused with, 0 if it is not."""
    try:
        head, _ = read(data, sizes)
        http1_body.of_request(head)
    except HttpError as error:
        return error.status
    except EOFError:
        return -1
    return 0


def test_a_request_keeps_its_lines_and_their_order() -> None:
    head, rest = read(PLAIN + b"body")
    assert (head.method, head.target, head.minor) == ("GET", "/api?a=1", 1)
    assert head.lines == (("Host", "localhost:8001"), ("X-One", "two words"), ("X-ONE", "b"))
    assert head.get("x-one") == "two words, b"
    assert rest == b"body"


@pytest.mark.parametrize("name", HEADS)
def test_hostile_heads_are_refused(name: str) -> None:
    data, status = HEADS[name]
    assert refused(data) == status


@given(st.sampled_from(sorted(HEADS)), cuts())
def test_hostile_heads_are_refused_however_they_are_cut(name: str, sizes: list[int]) -> None:
    data, status = HEADS[name]
    if len(data) < 2000:
        assert refused(data, sizes) == status


@given(cuts())
def test_any_split_of_a_head_gives_the_same_request(sizes: list[int]) -> None:
    assert read(PLAIN + b"body\r\n\r\n", sizes) == read(PLAIN + b"body\r\n\r\n")


@given(st.binary(max_size=300), cuts())
def test_any_bytes_are_read_the_same_in_any_pieces(data: bytes, sizes: list[int]) -> None:
    data = b"GET / HTTP/1.1\r\nHost: a\r\n" + data
    whole, cut = refused(data), refused(data, sizes)
    assert whole == cut


def test_one_line_end_before_a_request_is_skipped_once_each() -> None:
    reader = HeadReader()
    for _ in range(2):
        assert reader.feed(b"\r") is None
        assert reader.feed(b"\n" + PLAIN + b"x") == len(PLAIN) + 1
        assert reader.take() == PLAIN


def test_a_reader_takes_no_more_than_one_head() -> None:
    reader = HeadReader()
    assert reader.empty
    assert reader.feed(PLAIN + PLAIN) == len(PLAIN)
    assert reader.take() == PLAIN
    assert reader.empty


def test_http_1_0_needs_no_host() -> None:
    assert read(b"GET / HTTP/1.0\r\n\r\n")[0].minor == 0


@pytest.mark.parametrize(
    ("first", "connection", "expected"),
    [
        ("1.1", "", True),
        ("1.1", "Connection: close\r\n", False),
        ("1.1", "Connection: x, Close\r\n", False),
        ("1.0", "", False),
        ("1.0", "Connection: Keep-Alive\r\n", True),
        ("1.0", "Connection: keep-alive, close\r\n", False),
    ],
)
def test_how_long_a_connection_lasts(first: str, connection: str, expected: bool) -> None:
    head, _ = read(f"GET / HTTP/{first}\r\nHost: a\r\n{connection}\r\n".encode())
    assert head.persistent is expected


def test_an_upgrade_needs_both_headers() -> None:
    def upgrades(lines: str) -> bool:
        return read(f"GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode())[0].upgrades

    assert upgrades("Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n")
    assert not upgrades("Upgrade: websocket\r\n")
    assert not upgrades("Connection: upgrade\r\n")


def test_headers_for_the_next_hop_go_with_those_that_connection_names() -> None:
    head, _ = read(
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Own\r\nx-own: 1\r\nTE: trailers\r\n"
        b"Keep-Alive: 5\r\nTrailer: X\r\nProxy-Authorization: Basic x\r\nAccept: b\r\n\r\n"
    )
    assert http1.end_to_end(head) == (("Host", "a"), ("Trailer", "X"), ("Accept", "b"))


def test_an_answer_is_read() -> None:
    head = parse_response(b"HTTP/1.1 404 Not Found here\r\nContent-Length: 3\r\n\r\n")
    assert (head.status, head.reason, head.get("content-length")) == (404, "Not Found here", "3")
    assert parse_response(b"HTTP/1.0 200\r\n\r\n").reason == ""


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 099 x\r\n\r\n",
        b"HTTP/1.1 20 x\r\n\r\n",
        b"HTTP/1.1 2000 x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
    ],
)
def test_an_answer_that_is_none_is_a_bad_gateway(data: bytes) -> None:
    with pytest.raises(HttpError) as raised:
        parse_response(data)
    assert raised.value.status == 502


def test_heads_are_written_as_they_are_read() -> None:
    head, _ = read(PLAIN)
    data = http1.encode_request(head.method, head.target, head.lines)
    assert read(data)[0] == head
    assert http1.encode_response(204, "No Content", ()) == b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.mark.parametrize("value", ["a\r\nX: b", "a\nb", "a\rb"])
def test_a_line_break_is_never_written(value: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        http1.encode_request("GET", "/", [("X", value)])
    with pytest.raises(ValueError, match="line break"):
        http1.encode_response(200, value, ())
