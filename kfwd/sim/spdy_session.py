"""`portforward.k8s.io` over SPDY, as the CRI streaming server serves it.

Streams come in pairs with the same `requestid`; a complete pair is handed to the runtime
(protocol notes C.1, C.2, C.4; `cri-streaming/pkg/streaming/portforward/httpstream.go`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from kfwd.sim.faults import Settings
from kfwd.sim.link import Link, Pipe
from kfwd.sim.runtime import Ending, Runtime
from kfwd.sim.sessions import Cut
from kfwd.sim.spdy_server import SpdyServer, Stream

_TYPES = ("error", "data")


class Pair:
    """The streams of one `requestid`, until both are there or their time is up."""

    def __init__(self, request_id: str, timer: asyncio.TimerHandle) -> None:
        self.request_id = request_id
        self.timer = timer
        self.streams: dict[str, Stream] = {}

    def print_error(self, text: str) -> None:
        """Text for the client, if there is an error stream to write it on."""
        if (stream := self.streams.get("error")) is not None:
            stream.write(text.encode())


class Swallow:
    """Reads a stream nobody wants, so that its worker goes on."""

    ready = True

    def take(self, data: memoryview) -> None:
        """Dropped."""

    def finished(self) -> None:
        """Nothing to end."""


class SpdySession:
    """One session: its SPDY server, its pairs, its forwards."""

    def __init__(self, link: Link, pipe: Pipe, runtime: Runtime, settings: Settings) -> None:
        self._link = link
        self._runtime = runtime
        self._settings = settings
        self._pairs: dict[str, Pair] = {}
        self._loop = asyncio.get_running_loop()
        self.server = SpdyServer(pipe, self, settings.idle_s)

    async def run(self) -> None:
        """Returns when the connection has ended and nothing of the session is left."""
        try:
            await self._link.ended.wait()
        finally:
            self.server.lost()
            await self._runtime.close()

    def cut(self, how: Cut) -> None:
        if how == "backend":
            self.server.die()
        else:
            self._link.cut(how)

    def freeze(self, frozen: bool) -> None:
        self._link.freeze(frozen)

    def accepts(self, headers: Mapping[str, str]) -> bool:
        port = headers.get("port", "")
        valid = port.isascii() and port.isdigit() and len(port) <= 10 and 0 < int(port) < 65536
        return valid and headers.get("streamtype") in _TYPES

    def opened(self, stream: Stream) -> None:
        request_id, kind = _request_id(stream), stream.headers["streamtype"]
        pair = self._pairs.get(request_id) or self._new_pair(request_id)
        if kind in pair.streams:
            why = f"{kind} stream already assigned"
            pair.print_error(f"error processing stream for request {request_id}: {why}")
            return
        pair.streams[kind] = stream
        if len(pair.streams) == len(_TYPES):
            pair.timer.cancel()
            # Whoever forgets the pair is another goroutine: what came in one go still finds it.
            self._loop.call_soon(self._pairs.pop, request_id, None)
            self._forward(pair.streams["data"], pair.streams["error"])

    def lost(self) -> None:
        for pair in self._pairs.values():
            pair.timer.cancel()
        self._pairs.clear()
        self._runtime.abort()

    def _new_pair(self, request_id: str) -> Pair:
        timer = self._loop.call_later(self._settings.pair_timeout_s, self._give_up, request_id)
        pair = self._pairs[request_id] = Pair(request_id, timer)
        return pair

    def _give_up(self, request_id: str) -> None:
        pair = self._pairs.pop(request_id)
        conn = f"0xc{id(self) & 0xFFFFFFFFF:09x}"
        pair.print_error(f"(conn={conn}, request={request_id}) timed out waiting for streams")

    def _forward(self, data: Stream, error: Stream) -> None:
        port = int(data.headers["port"])
        data.consumer = self._runtime.forward(data, port, lambda end: self._end(data, error, end))

    def _end(self, data: Stream, error: Stream, ending: Ending) -> None:
        """The frames that end a pair, in the order of the server's generation (table C.4)."""
        if ending.closed:
            data.finish()
        if ending.text:
            error.write(ending.text.encode())
        if ending.text and self._settings.error_order != "containerd16":
            data.reset()
            error.reset()
            return
        error.finish()
        data.finish()
        if not self._settings.wedge:
            data.consumer = error.consumer = Swallow()
            data.wake()
            error.wake()


def _request_id(stream: Stream) -> str:
    """The pair a stream belongs to; clients that number nothing use consecutive odd ids."""
    if given := stream.headers.get("requestid"):
        return given
    return str(stream.id - (2 if stream.headers["streamtype"] == "data" else 0))
