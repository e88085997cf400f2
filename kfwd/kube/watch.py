"""The JSON watch stream: bytes to events. No I/O (protocol notes I.1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Generic

import msgspec
from msgspec import Struct

from kfwd.decoding import decoder
from kfwd.errors import NOT_JSON, ProtocolError
from kfwd.kube.objects import Kind, Resource, Status, T

MAX_EVENT = 16 * 1024 * 1024
"""Bytes of one event; etcd keeps objects of 1.5 MiB, aggregated servers larger ones."""


class EventType(StrEnum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"
    ERROR = "ERROR"


class WatchEvent(Struct, Generic[T], frozen=True, kw_only=True):
    """One event. `object` is None for BOOKMARK and ERROR, `status` is there for ERROR alone."""

    type: EventType
    resource_version: str = ""
    object: T | None = None
    status: Status | None = None


class _Envelope(Struct, frozen=True):
    type: str
    object: msgspec.Raw


class LineSplitter:
    """Cuts a byte stream at its newlines, however it arrives. An unfinished line is kept."""

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, without empty ones.

        Raises `ProtocolError` when a line grows beyond the limit.
        """
        head, newline, tail = data.rpartition(b"\n")
        if not newline:
            self._keep(data)
            return []
        lines = bytes(self._rest + head).split(b"\n")
        self._rest.clear()
        self._keep(tail)
        if max(map(len, lines)) > self._limit:
            raise self._too_long()
        return [line for line in lines if line.strip()]

    def _keep(self, data: bytes) -> None:
        if len(self._rest) + len(data) > self._limit:
            raise self._too_long()
        self._rest += data

    def _too_long(self) -> ProtocolError:
        return ProtocolError(f"a watch event is longer than {self._limit} bytes")


class EventDecoder(Generic[T]):
    """Watch events of one kind out of a byte stream. Event types unknown here are passed over."""

    def __init__(self, kind: Kind[T], limit: int = MAX_EVENT) -> None:
        self._objects: msgspec.json.Decoder[T] = decoder(kind.type)
        self._lines = LineSplitter(limit)

    def feed(self, data: bytes) -> tuple[WatchEvent[T], ...]:
        """The events that `data` completes. Raises `ProtocolError` for anything but events."""
        try:
            events = [self._event(line) for line in self._lines.feed(data)]
        except NOT_JSON as error:
            raise ProtocolError(f"a watch event cannot be read: {error}") from error
        return tuple(event for event in events if event is not None)

    def _event(self, line: bytes) -> WatchEvent[T] | None:
        envelope = _ENVELOPES.decode(line)
        match envelope.type:
            case EventType.ADDED | EventType.MODIFIED | EventType.DELETED:
                found = self._objects.decode(envelope.object)
                version = found.metadata.resource_version
                kind = EventType(envelope.type)
                return WatchEvent(type=kind, resource_version=version, object=found)
            case EventType.BOOKMARK:
                version = _BARE.decode(envelope.object).metadata.resource_version
                return WatchEvent(type=EventType.BOOKMARK, resource_version=version)
            case EventType.ERROR:
                return WatchEvent(type=EventType.ERROR, status=_STATUS.decode(envelope.object))
        return None


_ENVELOPES: msgspec.json.Decoder[_Envelope] = decoder(_Envelope)
_BARE: msgspec.json.Decoder[Resource] = decoder(Resource)
_STATUS: msgspec.json.Decoder[Status] = decoder(Status)


class Batches(Generic[T]):
    """A watch's events as they arrive: each step gives what one read completed, at least one."""

    def __init__(self, read: Callable[[], Awaitable[bytes]], events: EventDecoder[T]) -> None:
        self._read = read
        self._events = events

    def __aiter__(self) -> Batches[T]:
        return self

    async def __anext__(self) -> tuple[WatchEvent[T], ...]:
        while data := await self._read():
            if batch := self._events.feed(data):
                return batch
        raise StopAsyncIteration
