"""The legacy WebSocket port-forward, `v4.channel.k8s.io` and its base64 form (protocol notes E).

Every port is dialled at once. A message is one channel byte and a payload; there is no end of a
port, only of all. The server's library takes each WebSocket frame for a message, continuation
frames too, so a client that fragments speaks nonsense.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from kfwd.sim.link import Link
from kfwd.sim.relay import Relay
from kfwd.sim.runtime import Ending, Runtime
from kfwd.sim.sessions import Cut
from kfwd.wire import websocket
from kfwd.wire.mask import apply_mask

MAX_FRAME = 32 << 20
_ASCII_ZERO = ord("0")


class Channel:
    """One port's data channel, as the stream that the runtime copies to."""

    def __init__(self, session: ChannelSession, number: int) -> None:
        self.number = number
        self._session = session

    @property
    def writable(self) -> bool:
        return self._session.link.writable

    def when_writable(self, callback: Callable[[], None]) -> None:
        self._session.waiting.append(callback)

    def write(self, data: bytes) -> None:
        self._session.send(self.number, data)

    def wake(self) -> None:
        self._session.read_on()


class ChannelSession:
    """One WebSocket with a pair of channels for each port: data 2i, error 2i + 1."""

    def __init__(
        self, link: Link, runtime: Runtime, ports: tuple[int, ...], in_base64: bool
    ) -> None:
        self.link = link
        self.waiting: list[Callable[[], None]] = []
        self._runtime = runtime
        self._ports = ports
        self._base64 = in_base64
        self._relays: dict[int, Relay] = {}
        self._frames = FrameReader()
        self._frame: tuple[int, bytes] | None = None  # the one the reader waits with

    def begin(self) -> None:
        """Announce every port on both of its channels, then dial it."""
        for number, port in enumerate(self._ports):
            for channel in (2 * number, 2 * number + 1):
                self.send(channel, port.to_bytes(2, "little"))
        for number, port in enumerate(self._ports):
            self._relays[2 * number] = self._runtime.forward(
                Channel(self, 2 * number), port, self._ender(2 * number)
            )

    async def run(self) -> None:
        """Returns when the connection has ended and nothing of the session is left."""
        try:
            await self.link.ended.wait()
        finally:
            await self._runtime.close()

    def _ender(self, channel: int) -> Callable[[Ending], None]:
        def ended(ending: Ending) -> None:
            if ending.text:
                self.send(channel + 1, ending.text.encode())
            del self._relays[channel]
            if not self._relays:
                self._end(websocket.NORMAL)
            else:
                self.read_on()

        return ended

    def send(self, channel: int, payload: bytes) -> None:
        if self._base64:
            body = bytes((_ASCII_ZERO + channel,)) + base64.b64encode(payload)
            self.link.write(websocket.encode_frame(websocket.TEXT, len(body), None) + body)
        else:
            body = bytes((channel,)) + payload
            self.link.write(websocket.encode_frame(websocket.BINARY, len(body), None) + body)

    def _end(self, code: int) -> None:
        self.link.write(websocket.close_frame(code, "", None))
        self.link.close()

    def cut(self, how: Cut) -> None:
        if how == "backend":
            self.link.close()
        else:
            self.link.cut(how)

    def freeze(self, frozen: bool) -> None:
        self.link.freeze(frozen)

    def received(self, data: memoryview) -> None:
        self._frames.feed(data)
        self.read_on()

    def drained(self) -> None:
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback()

    def lost(self) -> None:
        self._runtime.abort()

    def read_on(self) -> None:
        """Handle frames until none is left or a pod takes no more: then every port waits."""
        held, self._frame = self._frame, None
        if held is not None and not self._handle(*held):
            self._frame = held
            return
        while (frame := self._frames.next()) is not None:
            if not self._handle(*frame):
                self._frame = frame
                self.link.pause()
                return
        if self._frames.broken:
            self._end(websocket.FRAMING_ERROR)
        else:
            self.link.resume()

    def _handle(self, opcode: int, body: bytes) -> bool:
        """Do what a frame says; False when its pod is not ready for it."""
        if opcode == websocket.PING:
            self.link.write(websocket.control_frame(websocket.PONG, body, None))
        elif opcode == websocket.CLOSE:
            self._end(websocket.NORMAL)
        elif opcode != websocket.PONG and body:
            return self._message(body)
        return True

    def _message(self, body: bytes) -> bool:
        channel, payload = body[0], body[1:]
        if self._base64:
            channel, payload = channel - _ASCII_ZERO, _decoded(payload)
        relay = self._relays.get(channel)
        if relay is None or not payload:
            return True
        if not relay.ready:
            return False
        relay.take(memoryview(payload))
        return True


def _decoded(payload: bytes) -> bytes:
    try:
        return base64.b64decode(payload, validate=True)
    except binascii.Error:
        return b""


class FrameReader:
    """Whole frames of a client, as golang.org/x/net/websocket reads them.

    `broken` is set by a frame without a mask or beyond 32 MiB; nothing is read behind it.
    """

    def __init__(self) -> None:
        self._data = bytearray()
        self.broken = False

    def feed(self, data: memoryview) -> None:
        self._data += data

    def next(self) -> tuple[int, bytes] | None:
        """Opcode and unmasked payload of the next frame, or None when more bytes are needed."""
        data = self._data
        if self.broken or len(data) < 2:
            return None
        start, length = 2, data[1] & 0x7F
        if length > 125:
            start += 2 if length == 126 else 8
            length = int.from_bytes(data[2:start], "big")
        self.broken = not data[1] & 0x80 or (len(data) >= start and length > MAX_FRAME)
        end = start + 4 + length
        if self.broken or len(data) < end:
            return None
        body = apply_mask(data[start + 4 : end], bytes(data[start : start + 4]))
        opcode = data[0] & 0x0F
        del data[:end]
        return opcode, body
