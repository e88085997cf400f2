"""The client's end of one `v4.channel.k8s.io` connection to one port: bytes in, events out, no I/O.

A WebSocket message is one channel byte and a payload: channel 0 carries the connection, channel 1
the runtime's words about it. Each begins with the port as two bytes, low one first. No end of a
direction can be told: once the pod's connection has ended, and its words were sent, the server
closes the WebSocket with code 1000. Any other end is a cut (protocol notes E).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from msgspec import Struct

from kfwd.errors import ProtocolError
from kfwd.wire import websocket
from kfwd.wire.mask import mask_in_place
from kfwd.wire.portforward import MAX_TEXT

PROTOCOL = "v4.channel.k8s.io"
DATA = 0
ERROR = 1

MAX_DATA = websocket.MAX_PAYLOAD - 1
"""Most bytes for the pod in one message."""

_PORT_SIZE = 2
_NO_PORT = re.compile(r'query parameter "?port"? is required')


def path(port_forward: str, port: int | None) -> str:
    """The path that asks for a connection to `port`; None asks whether there might be one."""
    return port_forward if port is None else f"{port_forward}?ports={port}"


def only_lacks_port(status: int, text: str) -> bool:
    """Whether a refusal proves that the node would have served the request, had it named a port.

    It comes from the streaming server behind every check, which dials nothing then (A.4).
    """
    return status == 400 and _NO_PORT.search(text) is not None


class Received(Struct, frozen=True, gc=False):
    """Bytes from the pod: a view into what `receive` was given, and as short-lived."""

    data: memoryview


class Complained(Struct, frozen=True, gc=False):
    """The runtime's words began: the end is due."""


class Asked(Struct, frozen=True, gc=False):
    """A PING, to be answered with `pong`."""

    payload: bytes


class Ended(Struct, frozen=True, gc=False):
    """The last event. With `text` the runtime says why, with `reason` it was a cut, else clean."""

    text: str | None = None
    reason: str | None = None


Event: TypeAlias = Received | Complained | Asked | Ended


class ClientChannels:
    """One connection. Nothing is told after `Ended`."""

    def __init__(self, port: int) -> None:
        self._announced = port.to_bytes(_PORT_SIZE, "little")
        self._decoder = websocket.Decoder(masked=False)
        self._channel: int | None = None  # of the message under way, once its first byte came
        self._ports = {DATA: bytearray(), ERROR: bytearray()}
        self._text = bytearray()
        self._over = False

    def receive(self, data: bytes | memoryview) -> Iterator[Event]:
        """What `data` means; it must be iterated to the end. Raises `ProtocolError`."""
        for event in self._decoder.feed(data):
            match event:
                case websocket.Binary():
                    yield from self._piece(event)
                case websocket.Ping(payload):
                    yield Asked(payload)
                case websocket.Close(code, reason):
                    clean = code == websocket.NORMAL
                    words = f"the server closed the WebSocket with code {code} {reason}".rstrip()
                    yield from self._end(None if clean else words)
                case websocket.Text():
                    raise ProtocolError("text came where bytes were asked for")

    def lost(self, reason: str) -> list[Event]:
        """There is, or will be, nothing more to receive. A text so far is the end all the same."""
        return list(self._end(reason))

    def _piece(self, piece: websocket.Binary) -> Iterator[Event]:
        payload = memoryview(piece.payload)
        if piece.first:
            self._channel = None
        if self._channel is None and payload:
            self._channel, payload = payload[0], payload[1:]
        if payload and self._channel in self._ports and not self._over:
            yield from self._carried(self._channel, self._past_port(self._channel, payload))

    def _past_port(self, channel: int, payload: memoryview) -> memoryview:
        """What is behind the port that opens a channel."""
        port = self._ports[channel]
        missing = _PORT_SIZE - len(port)
        if missing:
            port += payload[:missing]
            if not self._announced.startswith(port):
                raise ProtocolError("the server opened another port than the one asked for")
        return payload[missing:]

    def _carried(self, channel: int, payload: memoryview) -> Iterator[Event]:
        if not payload:
            return
        if channel == DATA:
            yield Received(payload)
            return
        began = not self._text
        self._text += payload[: MAX_TEXT - len(self._text)]
        if began:
            yield Complained()

    def _end(self, reason: str | None) -> Iterator[Event]:
        if self._over:
            return
        self._over = True
        if self._text:
            yield Ended(text=self._text.decode("utf-8", "replace"))
        else:
            yield Ended(reason=reason)


def message(data: memoryview, mask: bytes) -> tuple[bytes, bytearray]:
    """Up to `MAX_DATA` bytes for the pod as a frame: its beginning, and the payload.

    Never more than one frame: the server takes each for a message of its own (E.3).
    """
    if len(data) > MAX_DATA:
        raise ValueError(f"a message of {len(data)} bytes is too long")
    begin = websocket.encode_frame(websocket.BINARY, len(data) + 1, mask)
    masked = bytearray(data)
    mask_in_place(mask[1:] + mask[:1], masked)
    return begin + bytes((DATA ^ mask[0],)), masked


def ping(mask: bytes) -> bytes:
    """Probe the server."""
    return websocket.control_frame(websocket.PING, b"", mask)


def pong(payload: bytes, mask: bytes) -> bytes:
    """Answer its probe."""
    return websocket.control_frame(websocket.PONG, payload, mask)


def nothing(mask: bytes) -> bytes:
    """A message without content, which the server ignores but for its idle clock (E.2, E.3)."""
    return websocket.encode_frame(websocket.BINARY, 0, mask)


def goodbye(code: int, mask: bytes) -> bytes:
    """The end of the connection from this side."""
    return websocket.close_frame(code, "", mask)
