"""A byte pipe inside a WebSocket: the tunnel that carries SPDY (protocol notes D.3, D.4)."""

from __future__ import annotations

import os

from kfwd.errors import ProtocolError, SessionLost, WebSocketError
from kfwd.kube.pipe import Pipe, Receiver
from kfwd.wire import websocket as wire


class WebSocketPipe:
    """The client's end. What is written becomes one binary message a write.

    `rest` are the bytes that came behind the answer to the upgrade.
    """

    def __init__(self, pipe: Pipe, rest: bytes = b"") -> None:
        self._pipe = pipe
        self._rest = rest
        self._decoder = wire.Decoder(masked=False)
        self._receiver: Receiver | None = None
        self._over = False

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
            self.data_received(memoryview(rest))

    def write(self, data: bytes | bytearray | memoryview) -> None:
        mask = os.urandom(4)
        header = wire.encode_frame(wire.BINARY, len(data), mask)
        self._pipe.write(header + wire.apply_mask(data, mask))

    def write_frame(self, header: bytes, payload: memoryview) -> None:
        self.write(b"".join((header, payload)))

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
            for event in self._decoder.feed(data):
                self._handle(event)
        except WebSocketError as error:
            self._end(error.close_code)
            self._lose(error)

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
            case wire.Binary(payload):
                if payload and self._receiver is not None:
                    self._receiver.data_received(memoryview(payload))
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
