"""Answers of servers: heads, bodies, refusals of an upgrade, pages in place of the API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from kfwd.errors import HttpError, ProtocolError
from kfwd.kube import answers
from kfwd.kube.answers import Answer
from kfwd.wire import failure, http1, http1_body, upgrade
from kfwd.wire.http1_body import Body
from tests.fuzz.reading import CUTS, cut
from tests.kube.scripted import status_object
from tests.wire.pieces import pieces

ERROR = b"dial tcp4 127.0.0.1:81: connect: connection refused"


def seeds() -> Iterator[bytes]:
    status = msgspec.json.encode(status_object(403, "pods is forbidden: no", "Forbidden"))
    length = b"Content-Length: %d\r\n\r\n" % len(status)
    yield CUTS + b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n" + length + status
    chunked = b"Transfer-Encoding: chunked\r\n\r\n" + http1_body.chunk(ERROR)
    yield CUTS + b"HTTP/1.1 200 OK\r\n" + chunked + http1_body.LAST_CHUNK
    switch = b"Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: "
    yield CUTS + b"HTTP/1.1 101 Switching Protocols\r\n" + switch + b"portforward.k8s.io\r\n\r\n"
    page = b"<!-- x --><!DOCTYPE html><head><title> Bad\n Gateway </title></head>"
    yield CUTS + b"HTTP/1.0 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n" + page
    told = b"HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 3\r\n\r\nno\n"
    yield CUTS + told


def check(data: bytes) -> bool:
    sizes, stream = cut(data)
    whole = read(stream, (max(1, len(stream)),))
    assert read(stream, sizes) == whole
    as_upgrade(stream)
    failure.classify(stream.decode("utf-8", "replace"))
    return not isinstance(whole, str)


def read(stream: bytes, sizes: Sequence[int]) -> object:
    """An answer to a GET, with what it means, or why it is none."""
    reader, body, data = http1.HeadReader(), None, b""
    try:
        for piece in pieces(stream, sizes):
            if body is None:
                count = reader.feed(piece)
                if count is None:
                    continue
                head = http1.parse_response(reader.take())
                body = http1_body.of_response("GET", head)
                piece = piece[count:]
            if piece and not body.done:
                body.feed(piece)
                data += b"".join(body.pieces)
    except HttpError as error:
        assert error.status >= 400
        return "refused"
    return None if body is None else (head, data, ended(body), meaning(head, data))


def ended(body: Body) -> str | None:
    try:
        body.end()
    except HttpError as error:
        return error.text
    assert body.done
    return None


def meaning(head: http1.ResponseHead, data: bytes) -> str:
    answer = Answer(
        status=head.status,
        content_type=head.get("content-type").partition(";")[0],
        body=data,
        retry_after=head.index.get("retry-after"),
        location=head.index.get("location"),
    )
    seconds = answers.retry_after_s(answer)
    assert seconds is None or seconds >= 0
    if answer.ok:
        return answers.not_json(answer, "10.0.0.1:6443").text
    return answers.error_of(answer, "10.0.0.1:6443", "dev", "log in").text


def as_upgrade(stream: bytes) -> None:
    try:
        end = upgrade.head_end(stream)
        if not end:
            return
        head = upgrade.parse_head(stream[:end])
    except ProtocolError:
        return
    body = stream[end:]
    if upgrade.body_complete(head, body):
        assert len(upgrade.refusal(head, body)) <= 1000
    assert not (upgrade.spdy_accepted(head) and upgrade.websocket_accepted(head, "x"))
