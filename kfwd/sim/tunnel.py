"""SPDY inside a WebSocket: the tunnel that API server or kubelet unwrap (protocol notes D).

Frames outwards are cut as gorilla/websocket cuts them. When the node's side ends, the close is
sent only with the client's next message, as in the original (D.6).
"""

from __future__ import annotations

from kfwd.errors import WebSocketError
from kfwd.sim.link import Link, Receiver
from kfwd.wire import websocket

READ = 32 * 1024
"""The bridge reads this much from the node at a time and sends it as one message (D.3)."""
WRITE_BUFFER = 4096
_WRITE_THROUGH = 2 * (WRITE_BUFFER + 14)
_END = websocket.encode_frame(websocket.CONTINUATION, 0, None)


class Tunnel:
    """A pipe of bytes in binary messages over a link."""

    receiver: Receiver

    def __init__(self, link: Link) -> None:
        self._link = link
        self._decoder = websocket.Decoder(masked=True)
        self._held: list[bytes] = []  # payloads that came while the receiver was paused
        self._paused = False
        self._backend_gone = False
        self._ended = False

    @property
    def writable(self) -> bool:
        return self._link.writable

    def write(self, data: bytes) -> None:
        for at in range(0, len(data), READ):
            self._link.write(message(data[at : at + READ]))

    def pause(self) -> None:
        self._paused = True
        self._link.pause()

    def resume(self) -> None:
        self._paused = False
        while self._held and not self._paused:
            self.receiver.received(memoryview(self._held.pop(0)))
        if not self._paused:
            self._link.resume()

    def close(self) -> None:
        self._backend_gone = True
        self._held.clear()
        self._link.resume()

    def received(self, data: memoryview) -> None:
        try:
            for event in self._decoder.feed(data):
                if not self._ended:
                    self._event(event)
        except WebSocketError as error:
            self._end(error.close_code)

    def drained(self) -> None:
        self.receiver.drained()

    def lost(self) -> None:
        self.receiver.lost()

    def _event(self, event: websocket.Event) -> None:
        match event:
            case websocket.Ping(payload=payload):
                self._link.write(websocket.control_frame(websocket.PONG, payload, None))
            case websocket.Close(code=code):
                self._end(websocket.NORMAL if code == websocket.NO_STATUS else code)
            case websocket.Text():
                self._end(websocket.NORMAL)
            case websocket.Binary() if self._backend_gone:
                self._end(websocket.NORMAL)
            case websocket.Binary(payload=payload) if payload:
                self._deliver(bytes(payload))

    def _deliver(self, payload: bytes) -> None:
        if self._paused:
            self._held.append(payload)
        else:
            self.receiver.received(memoryview(payload))

    def _end(self, code: int) -> None:
        """Say Close and close at once, without waiting for the client's (D.4)."""
        self._ended = True
        reason = "" if code != websocket.FRAMING_ERROR else "bad MASK"
        self._link.write(websocket.close_frame(code, reason, None))
        self._link.close()


def message(data: bytes) -> bytes:
    """One binary message as gorilla's server writes it through its buffer (GC 565-691)."""
    size = len(data)
    if size <= WRITE_BUFFER:
        return websocket.encode_frame(websocket.BINARY, size, None) + data
    if size <= _WRITE_THROUGH:
        first = websocket.encode_frame(websocket.BINARY, WRITE_BUFFER, None, fin=False)
        rest = websocket.encode_frame(websocket.CONTINUATION, size - WRITE_BUFFER, None)
        return first + data[:WRITE_BUFFER] + rest + data[WRITE_BUFFER:]
    return websocket.encode_frame(websocket.BINARY, size, None, fin=False) + data + _END
