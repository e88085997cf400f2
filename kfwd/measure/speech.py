"""What a server speaks, so that a measurement can ask it for a first answer. Pure.

Found by what it says to a request that many kinds of server answer to, in the order of `OPENINGS`.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

POSTGRES_TLS = bytes.fromhex("0000000804d2162f")
"""SSLRequest: the server answers `S` or `N` (PostgreSQL, Message Formats)."""


class Kind(StrEnum):
    """What an answer told."""

    GREETING = "it speaks first"
    HTTP = "HTTP"
    REDIS = "Redis"
    ECHO = "echo"
    POSTGRES = "PostgreSQL"
    GIVEN = "the text of --send"


class Speech(Struct, frozen=True):
    """How a first answer is had: what to send, of which the first byte of the answer counts.

    `repeats`: whether the same may be sent again on the same connection, and how long the answer
    is (None: as HTTP says).
    """

    kind: Kind
    request: bytes
    repeats: bool = False
    answer_length: int | None = None


def http(path: str, host: str = "localhost") -> bytes:
    """A GET that leaves the connection open (RFC 9112)."""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: kfwd-bench\r\n\r\n".encode()


def recognise(sent: bytes, answer: bytes) -> Speech | None:
    """What a server is that answered `answer` to `sent`; None if that tells nothing."""
    if not answer:
        return None
    if not sent:
        return Speech(Kind.GREETING, b"")
    if answer.startswith(b"HTTP/1."):
        return Speech(Kind.HTTP, sent, repeats=True)
    if sent.startswith(answer):
        return Speech(Kind.ECHO, b"x", repeats=True, answer_length=1)
    if answer.startswith((b"-ERR", b"-NOAUTH", b"+PONG")):
        return Speech(Kind.REDIS, b"PING\r\n", repeats=True, answer_length=7)
    if sent == POSTGRES_TLS and answer[:1] in (b"S", b"N"):
        return Speech(Kind.POSTGRES, sent)
    return None


def openings(path: str) -> tuple[bytes, ...]:
    """What is sent, each on a connection of its own, until an answer is recognised."""
    return (b"", http(path), b"PING\r\n", POSTGRES_TLS)
