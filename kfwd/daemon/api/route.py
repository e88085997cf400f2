"""Routes of the control API as declarations: the server and the OpenAPI document are made of them.

A handler gets a `Call` whose query and body are decoded and checked, and returns a record. A
handler of a stream is an async generator of records, sent as JSON lines.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from kfwd.daemon.daemon import Daemon

Method = Literal["GET", "PUT", "POST", "DELETE"]
JSON, JSON_LINES = "application/json", "application/jsonl"

Q = TypeVar("Q")
B = TypeVar("B")


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """No query, or no body."""


class Call(Generic[Q, B]):
    """One request: who it is for, the path's parameters, the query and the body.

    `abort` drops the connection; a stream calls it when its client falls behind.
    """

    def __init__(
        self, daemon: Daemon, params: dict[str, str], query: Q, body: B, abort: Callable[[], None]
    ) -> None:
        self.daemon = daemon
        self.params = params
        self.query = query
        self.body = body
        self.abort = abort

    @property
    def entry(self) -> str:
        """The entry id in the path."""
        return f"{self.params['profile']}/{self.params['name']}"


class Route(Struct, frozen=True):
    """One way to call. `answer` is the record returned, or that of each line if `lines`."""

    method: Method
    path: str
    handler: Callable[[Call[Any, Any]], Awaitable[Any] | AsyncGenerator[Any, None]]
    answer: Any
    query: type[Struct] = Nothing
    body: type[Struct] = Nothing
    lines: bool = False
    media: str = JSON

    @property
    def summary(self) -> str:
        return (self.handler.__doc__ or "").partition("\n")[0]
