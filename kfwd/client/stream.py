"""The daemon's streams as iterators. One that ends was cut off; the caller may call again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Self, TypeVar

import msgspec

from kfwd import api_model
from kfwd.client import http
from kfwd.client.calls import Client, Query, entry_path
from kfwd.model import AnyEvent

E = TypeVar("E")

# The daemon sends something every 15 s, if only an empty line.
SILENCE_S = 40.0


class Stream(Generic[E]):
    """Decoded lines. Iterating blocks; `limit()` bounds the wait for the next line."""

    def __init__(self, response: http.Response, decoder: msgspec.json.Decoder[E]) -> None:
        self._response = response
        self._decoder = decoder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._response.close()

    def __iter__(self) -> Iterator[E]:
        for line in self._response.lines():
            if not line:
                continue
            try:
                event = self._decoder.decode(line)
            except msgspec.ValidationError:
                continue  # an event of a newer daemon; it says nothing this version shows
            except msgspec.DecodeError:
                return
            yield event

    def limit(self, timeout_s: float) -> None:
        """Let the stream end if nothing comes within `timeout_s` (at most `SILENCE_S`)."""
        self._response.limit(min(max(timeout_s, 0.001), SILENCE_S))


def events(client: Client) -> Stream[AnyEvent]:
    """One snapshot, then every change."""
    return _open(client, "/v1/events", msgspec.json.Decoder(AnyEvent))


def attach(client: Client, entry: str) -> Stream[api_model.AnyAttachEvent]:
    """What `kfwd port-forward` prints; closing it ends the entry."""
    decoder = msgspec.json.Decoder(api_model.AnyAttachEvent)
    return _open(client, f"{entry_path(entry)}/attach", decoder)


def logs(
    client: Client, *, entry: str | None = None, last: int = 200, follow: bool = False
) -> Stream[api_model.LogLine]:
    """The newest `last` lines of the log, then, with `follow`, each new one."""
    query = [("n", str(last)), *([("entry", entry)] if entry else [])]
    query += [("follow", "1")] if follow else []
    decoder = msgspec.json.Decoder(api_model.LogLine)
    return _open(client, "/v1/logs", decoder, query)


def requests(client: Client, entry: str, *, follow: bool = False) -> Stream[api_model.RequestView]:
    """The newest requests that an entry has served, then, with `follow`, each new one."""
    decoder = msgspec.json.Decoder(api_model.RequestView)
    query = [("follow", "1")] if follow else []
    return _open(client, f"{entry_path(entry)}/requests", decoder, query)


def _open(
    client: Client, path: str, decoder: msgspec.json.Decoder[E], query: Query = ()
) -> Stream[E]:
    return Stream(client.open("GET", path, query=query, wait_s=SILENCE_S), decoder)
