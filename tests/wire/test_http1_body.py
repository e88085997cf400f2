from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfwd.errors import HttpError
from kfwd.wire.http1 import Lines, RequestHead, ResponseHead, indexed
from kfwd.wire.http1_body import LAST_CHUNK, Body, Chunked, chunk, of_request, of_response
from tests.wire.hostile import BODIES
from tests.wire.pieces import cuts, pieces


def request(*lines: tuple[str, str]) -> RequestHead:
    return RequestHead(lines, indexed(lines), 1, "POST", "/")


def response(status: int = 200, lines: Lines = (), minor: int = 1) -> ResponseHead:
    return ResponseHead(lines, indexed(lines), minor, status, "")


def run(body: Body, data: bytes, sizes: list[int]) -> tuple[bytes, int]:
    """The data of a body and how many bytes were its own."""
    found, used = b"", 0
    for piece in pieces(data, sizes):
        if body.done:
            break
        used += body.feed(piece)
        found += b"".join(body.pieces)
    return found, used


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=6), cuts())
def test_a_chunked_body_is_the_same_in_any_pieces(parts: list[bytes], sizes: list[int]) -> None:
    wire = b"".join(chunk(part) for part in parts) + b"0;last\r\nX-Sum: 1\r\n\r\n"
    body = Chunked()
    assert run(body, wire + b"GET / HTTP/1.1", sizes) == (b"".join(parts), len(wire))
    assert body.done
    body.end()


@pytest.mark.parametrize("name", BODIES)
def test_hostile_bodies_are_refused(name: str) -> None:
    with pytest.raises(HttpError):
        run(Chunked(), BODIES[name], [len(BODIES[name])])


@given(st.sampled_from(sorted(BODIES)), cuts())
def test_hostile_bodies_are_refused_however_they_are_cut(name: str, sizes: list[int]) -> None:
    with pytest.raises(HttpError):
        run(Chunked(), BODIES[name], sizes)


def outcome(data: bytes, sizes: list[int]) -> tuple[bytes, int] | str:
    try:
        return run(Chunked(), data, sizes)
    except HttpError as error:
        return error.text


@given(st.lists(st.sampled_from([b"5\r\n", b"hello", b"\r\n", b"0", b";a", b"X: y"])), cuts())
def test_any_chunked_bytes_are_judged_the_same_in_any_pieces(
    parts: list[bytes], sizes: list[int]
) -> None:
    data = b"".join(parts)
    assert outcome(data, sizes) == outcome(data, [max(1, len(data))])


@given(st.binary(max_size=100), st.integers(0, 100), cuts())
def test_a_body_with_a_length_takes_no_more_than_that(
    data: bytes, length: int, sizes: list[int]
) -> None:
    body = of_request(request(("Content-Length", str(length))))
    assert run(body, data, sizes) == (data[:length], min(length, len(data)))
    assert body.done is (len(data) >= length)


def test_a_body_cut_short_is_no_body() -> None:
    for body in (Body(5), Chunked()):
        body.feed(memoryview(b"4"))
        with pytest.raises(HttpError, match="within a body"):
            body.end()


def test_a_request_without_a_length_has_no_body() -> None:
    assert of_request(request()).done


def test_a_length_said_twice_is_one_length() -> None:
    lines = (("Content-Length", "5"), ("content-length", "5"))
    assert of_request(request(*lines)).length == 5


@pytest.mark.parametrize(
    ("method", "status", "lines", "kind"),
    [
        ("GET", 200, (("Content-Length", "3"),), 3),
        ("HEAD", 200, (("Content-Length", "3"),), 0),
        ("GET", 304, (("Content-Length", "3"),), 0),
        ("GET", 204, (("Transfer-Encoding", "chunked"),), 0),
        ("GET", 101, (), 0),
        ("CONNECT", 200, (("Content-Length", "3"),), 0),
        ("CONNECT", 403, (("Content-Length", "3"),), 3),
        ("GET", 200, (), None),
        ("GET", 200, (("Transfer-Encoding", "Chunked"),), None),
    ],
)
def test_which_answers_have_a_body(
    method: str, status: int, lines: Lines, kind: int | None
) -> None:
    body = of_response(method, response(status, lines))
    assert body.length == kind
    assert body.done is (kind == 0)
    assert body.chunked is ("Chunked" in dict(lines).values())


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    body = of_response("GET", response(minor=0))
    assert run(body, b"any", [1]) == (b"any", 3)
    assert not body.done
    body.end()
    assert body.done


@pytest.mark.parametrize(
    "lines",
    [
        (("Content-Length", "3"), ("Transfer-Encoding", "chunked")),
        (("Content-Length", "3, 4"),),
        (("Transfer-Encoding", "gzip"),),
    ],
)
def test_an_answer_without_a_clear_end_is_a_bad_gateway(lines: Lines) -> None:
    with pytest.raises(HttpError) as raised:
        of_response("GET", response(lines=lines))
    assert raised.value.status == 502


def test_chunks_are_written_as_they_are_read() -> None:
    assert chunk(b"") == b""
    assert run(Chunked(), chunk(b"a" * 20) + LAST_CHUNK, [100])[0] == b"a" * 20
