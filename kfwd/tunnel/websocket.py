"""A byte pipe inside a WebSocket: the tunnel that carries SPDY (protocol notes D.3, D.4)."""

from __future__ import annotations

import os
from collections.abc import Iterable

from kfwd.errors import ProtocolError, SessionLost, WebSocketError
from kfwd.kube.pipe import Pipe, Receiver
from kfwd.wire import websocket as wire
from kfwd.wire.mask import mask_in_place


class WebSocketPipe:
    """The client's end. What is written becomes binary messages, whose boundaries mean nothing.

    `rest` are the bytes that came behind the answer to the upgrade.
    """

    def __init__(self, pipe: Pipe, rest: bytes = b"") -> None:
        self._pipe = pipe
        self._rest = rest
        self._decoder = wire.Decoder(masked=False)
        self._receiver: Receiver | None = None
        self._over = False

    @property
    def open(self) -> bool:
        return self._pipe.open and not self._over

    @property
    def buffered(self) -> int:
        return self._pipe.buffered

    def outstanding(self) -> bool:
        return self._pipe.outstanding()

    def attach(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._pipe.attach(self)
        rest, self._rest = self._rest, b""
        if rest:
            self.data_received(memoryview(bytearray(rest)))

    def write(self, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data)
        for start in range(0, len(view), wire.MAX_PAYLOAD):
            self._send(bytearray(view[start : start + wire.MAX_PAYLOAD]))

    def write_frame(self, header: bytes, payload: memoryview) -> None:
        first = wire.MAX_PAYLOAD - len(header)
        self._send(bytearray().join((header, payload[:first])))
        self.write(payload[first:])

    def _send(self, message: bytearray) -> None:
        mask = os.urandom(4)
        mask_in_place(mask, message)
        begin = wire.encode_frame(wire.BINARY, len(message), mask)
        self._pipe.write_frame(begin, memoryview(message))

    def pause_reading(self) -> None:
        self._pipe.pause_reading()

    def resume_reading(self) -> None:
        self._pipe.resume_reading()

    def close(self) -> None:
        self._end(wire.NORMAL)

    def abort(self) -> None:
        self._pipe.abort()

    async def closed(self) -> None:
        await self._pipe.closed()

    def data_received(self, data: memoryview) -> None:
        try:
            self._hand_on(data, self._decoder.feed(data))
        except WebSocketError as error:
            self._end(error.close_code)
            self._lose(error)

    def _hand_on(self, data: memoryview, events: Iterable[wire.Event]) -> None:
        """Move what the messages carry together, to the front of `data`, and hand it on as one: a
        server makes two frames of each 32 KiB, and to take each alone would cost more."""
        size = 0
        for event in events:
            if isinstance(event, wire.Binary):
                begin, size = size, size + len(event.payload)
                data[begin:size] = event.payload
            else:
                self._deliver(data[:size])
                size = 0
                self._handle(event)
        self._deliver(data[:size])

    def _deliver(self, data: memoryview) -> None:
        if data and self._receiver is not None:
            self._receiver.data_received(data)

    def pipe_lost(self, error: Exception | None) -> None:
        self._lose(error)

    def pause_writing(self) -> None:
        if self._receiver is not None:
            self._receiver.pause_writing()

    def resume_writing(self) -> None:
        if self._receiver is not None:
            self._receiver.resume_writing()

    def _handle(self, event: wire.Event) -> None:
        match event:
            case wire.Ping(payload):
                self._pipe.write(wire.control_frame(wire.PONG, payload, os.urandom(4)))
            case wire.Text():
                self._end(wire.UNSUPPORTED)
                self._lose(ProtocolError("the tunnel carried a text message"))
            case wire.Close(code, reason):
                self._end(wire.NORMAL)
                clean = code in (wire.NORMAL, wire.NO_STATUS)
                words = f"the tunnel was closed with code {code} {reason}".rstrip()
                self._lose(None if clean else SessionLost(words))

    def _end(self, code: int) -> None:
        """Say goodbye, and do not wait for an answer (D.4)."""
        if not self._over:
            self._over = True
            self._pipe.write(wire.close_frame(code, "", os.urandom(4)))
            self._pipe.close()

    def _lose(self, error: Exception | None) -> None:
        self._over = True
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.pipe_lost(error)
