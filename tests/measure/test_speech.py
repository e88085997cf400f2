"""Servers are recognised by what they answer."""

from __future__ import annotations

import pytest

from kfwd.measure.speech import POSTGRES_TLS, Kind, http, openings, recognise


@pytest.mark.parametrize(
    ("sent", "answer", "kind", "repeats"),
    [
        (b"", b"SSH-2.0-OpenSSH_9\r\n", Kind.GREETING, False),
        (http("/"), b"HTTP/1.1 404 Not Found\r\n", Kind.HTTP, True),
        (http("/"), b"GET / HTTP/1.1\r\n", Kind.ECHO, True),
        (http("/"), b"-ERR wrong number of arguments for 'get' command\r\n", Kind.REDIS, True),
        (b"PING\r\n", b"+PONG\r\n", Kind.REDIS, True),
        (POSTGRES_TLS, b"N", Kind.POSTGRES, False),
    ],
)
def test_an_answer_tells_what_speaks(sent: bytes, answer: bytes, kind: Kind, repeats: bool) -> None:
    speech = recognise(sent, answer)
    assert speech is not None
    assert (speech.kind, speech.repeats) == (kind, repeats)


@pytest.mark.parametrize(
    ("sent", "answer"),
    [(b"", b""), (http("/"), b""), (http("/"), b"\x15\x03"), (b"PING\r\n", b"S")],
)
def test_what_tells_nothing_is_not_guessed_at(sent: bytes, answer: bytes) -> None:
    assert recognise(sent, answer) is None


def test_the_page_that_is_wished_is_asked_for() -> None:
    assert any(b"GET /bytes/9 HTTP/1.1\r\n" in opening for opening in openings("/bytes/9"))
