"""The upgrade exchange, as bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfwd.errors import ProtocolError
from kfwd.wire.upgrade import (
    TUNNEL,
    Head,
    body_complete,
    head_end,
    parse_head,
    refusal,
    request,
    spdy_accepted,
    spdy_headers,
    websocket_accepted,
    websocket_headers,
)

PATH = "/api/v1/namespaces/ns/pods/p/portforward"
SPDY_101 = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
    b"X-Stream-Protocol-Version: portforward.k8s.io\r\nDate: Mon, 01 Jan 2026 00:00:00 GMT\r\n\r\n"
)


def test_a_spdy_request_has_no_query_and_no_body() -> None:
    data = request("POST", PATH, [("Host", "h:6443"), *spdy_headers().items()]).decode()
    assert data.startswith(f"POST {PATH} HTTP/1.1\r\nHost: h:6443\r\n")
    assert data.count("Upgrade: ") == 1
    assert "Connection: Upgrade\r\n" in data
    assert "Upgrade: SPDY/3.1\r\n" in data
    assert "X-Stream-Protocol-Version: portforward.k8s.io\r\n" in data
    assert data.endswith("Content-Length: 0\r\n" + data.split("Content-Length: 0\r\n")[1])
    assert data.endswith("\r\n\r\n")


def test_a_tunnel_request_offers_the_tunnel_protocol_alone() -> None:
    data = request("GET", PATH, websocket_headers("a2V5", TUNNEL).items()).decode()
    assert "Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n" in data
    assert "Sec-WebSocket-Version: 13\r\n" in data
    assert "Sec-WebSocket-Extensions" not in data


def test_a_line_break_in_a_header_never_reaches_the_wire() -> None:
    with pytest.raises(ProtocolError):
        request("GET", PATH, [("Authorization", "Bearer a\r\nX-Evil: 1")])


@given(st.integers(0, len(SPDY_101) - 1))
def test_a_head_is_complete_only_with_its_blank_line(cut: int) -> None:
    assert head_end(SPDY_101[:cut]) == 0
    assert head_end(SPDY_101 + b"\x80\x03") == len(SPDY_101)


def test_an_endless_head_is_refused() -> None:
    with pytest.raises(ProtocolError):
        head_end(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000)


@pytest.mark.parametrize("data", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\r\n\r\n"])
def test_what_is_not_http_is_a_protocol_error(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_head(data)


@given(st.binary(max_size=200))
def test_a_head_parses_or_is_a_protocol_error(data: bytes) -> None:
    try:
        head = parse_head(data + b"\r\n\r\n")
    except ProtocolError:
        return
    assert 0 <= head.status <= 999


def test_only_a_whole_spdy_answer_is_accepted() -> None:
    head = parse_head(SPDY_101)
    assert spdy_accepted(head)
    assert not spdy_accepted(Head(101, {**head.headers, "upgrade": "h2c"}))
    assert not spdy_accepted(Head(200, head.headers))
    assert not spdy_accepted(Head(101, {"upgrade": "SPDY/3.1"}))


def test_a_websocket_answer_must_prove_the_key() -> None:
    headers = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-accept": "good"}
    assert websocket_accepted(Head(101, headers), "good")
    assert not websocket_accepted(Head(101, headers), "other")


STATUS = {"kind": "Status", "message": 'pods "x" not found', "reason": "NotFound", "code": 404}


@pytest.mark.parametrize(
    ("headers", "body", "words"),
    [
        ({"content-type": "application/json"}, json.dumps(STATUS).encode(), 'pods "x" not found'),
        ({"content-type": "application/json"}, b'{"error": "no"}', "no"),
        ({"content-type": "text/plain"}, b"pod does not exist", "pod does not exist"),
        ({}, b"", "empty server response"),
        (
            {"transfer-encoding": "chunked"},
            b"4\r\npod \r\n6\r\nis out\r\n0\r\n\r\n",
            "pod is out",
        ),
        (
            {"content-type": "text/html"},
            b"<html><h1>Bad gateway</h1></html>",
            "an HTML page with status 502 came from something before the API server",
        ),
        ({}, b"[1, 2", "[1, 2"),
    ],
)
def test_a_refusal_is_worded_as_kubectl_words_it(
    headers: dict[str, str], body: bytes, words: str
) -> None:
    assert refusal(Head(502, headers), body) == words


def test_a_body_ends_where_its_head_says() -> None:
    sized = Head(404, {"content-length": "5"})
    assert not body_complete(sized, b"abcd")
    assert body_complete(sized, b"abcde")
    chunked = Head(404, {"transfer-encoding": "chunked"})
    assert not body_complete(chunked, b"1\r\na\r\n")
    assert body_complete(chunked, b"1\r\na\r\n0\r\n\r\n")
    assert not body_complete(Head(404, {}), b"until the end")
    assert body_complete(Head(404, {}), b"x" * 70_000)


@pytest.mark.parametrize("length", ["\xb2", "9" * 5000, "-1", "1_0", "+5", ""])
def test_a_length_that_is_no_number_is_none(length: str) -> None:
    """A superscript two is a digit to Python, and 5000 digits are more than it reads."""
    assert not body_complete(Head(404, {"content-length": length}), b"until the end")
