"""The daemon's streams as iterators. One that ends was cut off; the caller may call again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Self, TypeVar

import msgspec

from kfwd import api_model
from kfwd.api_doctor import AnyDoctorEvent, DoctorQuery
from kfwd.client import feeds, http
from kfwd.client.calls import Client
from kfwd.client.feeds import SILENCE_S, Feed
from kfwd.model import AnyEvent

E = TypeVar("E")


class Stream(Generic[E]):
    """Decoded lines. Iterating blocks; `limit()` bounds the wait for the next line."""

    def __init__(self, response: http.Response, feed: Feed[E]) -> None:
        self._response = response
        self._feed = feed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._response.close()

    def __iter__(self) -> Iterator[E]:
        for line in self._response.lines():
            try:
                event = self._feed.read(line)
            except msgspec.DecodeError:
                return
            if event is not None:
                yield event

    def limit(self, timeout_s: float) -> None:
        """Let the stream end if nothing comes within `timeout_s` (at most `SILENCE_S`)."""
        self._response.limit(min(max(timeout_s, 0.001), SILENCE_S))


def events(client: Client) -> Stream[AnyEvent]:
    """`feeds.events`, opened."""
    return _open(client, feeds.events())


def attach(client: Client, entry: str) -> Stream[api_model.AnyAttachEvent]:
    """`feeds.attach`, opened; closing it ends the entry."""
    return _open(client, feeds.attach(entry))


def logs(
    client: Client, *, entry: str | None = None, last: int = 200, follow: bool = False
) -> Stream[api_model.LogLine]:
    """`feeds.logs`, opened."""
    return _open(client, feeds.logs(entry=entry, last=last, follow=follow))


def requests(client: Client, entry: str, *, follow: bool = False) -> Stream[api_model.RequestView]:
    """`feeds.requests`, opened."""
    return _open(client, feeds.requests(entry, follow=follow))


def doctor(client: Client, query: DoctorQuery) -> Stream[AnyDoctorEvent]:
    """`feeds.doctor`, opened."""
    return _open(client, feeds.doctor(query))


def _open(client: Client, feed: Feed[E]) -> Stream[E]:
    return Stream(client.open("GET", feed.target, wait_s=SILENCE_S), feed)
