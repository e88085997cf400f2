"""What a handler is asked about each request, and what it may decide."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from kfwd.errors import KfwdError
from kfwd.proxy.upstream import Client, Upstreams
from kfwd.wire.http1 import Lines, RequestHead, ResponseHead

TEXT = "text/plain; charset=utf-8"


class Part(Struct, frozen=True):
    """`size` bytes of a file from `offset` on."""

    path: Path
    offset: int
    size: int


class Answer(Struct, frozen=True):
    """A whole answer from here. Content-Length is added; `close` ends the connection after it."""

    status: int
    lines: Lines = ()
    body: bytes | Part = b""
    close: bool = False


class Transform(Protocol):
    """Changes the body of an answer as it passes, keeping little of it."""

    def feed(self, data: memoryview) -> bytes: ...

    def end(self) -> bytes: ...


def unchanged(head: ResponseHead, lines: Lines) -> tuple[Lines, Transform | None]:
    """An answer as it came."""
    return lines, None


class Forward(Struct, frozen=True):
    """Pass the request on.

    `target` and `lines` are what the server gets (`passing.lines`). `upgrade`: the server may
    switch protocols. `failed` makes the answer when none came. `answered` may change the end-to-end
    headers of the answer, and its body. `strict_upgrade`: an upgrade is refused or done, as
    `kubectl proxy` has it; else an answer to the request as such is passed on. `lasting`: whenever
    the same client sends the same head again, the same is decided.
    """

    upstreams: Upstreams
    method: str
    target: str
    lines: Lines
    failed: Callable[[KfwdError], Answer]
    answered: Callable[[ResponseHead, Lines], tuple[Lines, Transform | None]] = unchanged
    upgrade: bool = False
    strict_upgrade: bool = False
    lasting: bool = False


class Raw(Struct, frozen=True):
    """Say 200, then pass bytes both ways (CONNECT)."""

    upstreams: Upstreams
    failed: Callable[[KfwdError], Answer]


class Here(Struct, frozen=True):
    """Say 200 to a CONNECT; the requests that come through it are decided on like any others."""


Decision = Answer | Forward | Raw | Here


class Handler(Protocol):
    async def decide(self, request: RequestHead, client: Client) -> Decision:
        """Decide about one request. Raises `HttpError` for one that cannot be understood."""
        ...


def page(status: int, text: str, *lines: tuple[str, str], close: bool = False) -> Answer:
    """A sentence, as Go's `http.Error` sends it."""
    headers = (("Content-Type", TEXT), ("X-Content-Type-Options", "nosniff"), *lines)
    return Answer(status, headers, f"{text}\n".encode(), close)


def reason(status: int) -> str:
    """The usual words for a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
