"""The SPDY side of the CRI streaming server, with the habits of Go's spdystream.

One reader hands frames to five workers (stream id mod 5) with queues of 50; a worker that cannot
go on holds up its queue, a full queue holds up the reader and with it the session. A DATA payload
is handed over unbuffered: the worker waits until the stream's consumer takes it. Nothing here is a
task: a worker is a queue that moves when what it waits for happens (protocol notes B.4-B.8).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from kfwd.errors import ProtocolError
from kfwd.sim.framer import Framer
from kfwd.sim.link import Pipe
from kfwd.wire import spdy

WORKERS = 5
QUEUE = 50


class Consumer(Protocol):
    """Reads a stream."""

    @property
    def ready(self) -> bool:
        """Whether it takes another payload now. Say `Stream.wake` when this becomes true."""

    def take(self, data: memoryview) -> None:
        """A frame's payload, valid only during the call."""

    def finished(self) -> None:
        """No more will come: FIN or RST of the client, or the session's end."""


class Handler(Protocol):
    """What the streaming server does with streams."""

    def accepts(self, headers: Mapping[str, str]) -> bool:
        """Whether a stream with these headers is answered with SYN_REPLY, else RST CANCEL."""

    def opened(self, stream: Stream) -> None:
        """A stream, after its SYN_REPLY."""

    def lost(self) -> None:
        """The session has ended."""


class Stream:
    """One client-created stream. `consumer` is whoever reads it, None as long as nobody does."""

    def __init__(self, stream_id: int, headers: Mapping[str, str], server: SpdyServer) -> None:
        self.id = stream_id
        self.headers = headers
        self.consumer: Consumer | None = None
        self.remote_finished = False
        self._local_finished = False
        self._server = server

    @property
    def writable(self) -> bool:
        return self._server.pipe.writable

    def when_writable(self, callback: Callable[[], None]) -> None:
        self._server.when_writable(callback)

    def write(self, data: bytes) -> None:
        """One DATA frame. A stream that the client reset still emits them, as Go's does."""
        self._server.write(spdy.data_header(self.id, len(data)) + data)

    def finish(self) -> None:
        """FIN, once. The stream is forgotten when both sides have sent theirs."""
        if self._local_finished:
            return
        self._local_finished = True
        self._server.write(spdy.data_header(self.id, 0, fin=True))
        if self.remote_finished:
            self._server.forget(self)

    def reset(self) -> None:
        """RST CANCEL, unless FIN was sent; in any case nobody waits for this stream any more."""
        self._server.forget(self)
        if not self._local_finished:
            self._local_finished = True
            self._server.write(spdy.rst_stream(self.id, spdy.RST_CANCEL))
        self.wake()

    def was_reset(self) -> None:
        """The client's RST: its consumer sees end-of-file, and no FIN will be sent."""
        self._local_finished = True
        self._end()

    def was_finished(self) -> None:
        """The client's FIN."""
        if self._local_finished:
            self._server.forget(self)
        self._end()

    def _end(self) -> None:
        if not self.remote_finished:
            self.remote_finished = True
            if self.consumer is not None:
                self.consumer.finished()

    def wake(self) -> None:
        """The consumer is ready, or nobody will read this stream: its worker looks again."""
        self._server.workers[self.id % WORKERS].wake()


class Worker:
    """One of the five: the frame it is busy with, and the queue behind that."""

    def __init__(self, handle: Callable[[spdy.Frame], bool], moved: Callable[[], None]) -> None:
        self._handle = handle
        self._moved = moved
        self._queue: deque[spdy.Frame] = deque()
        self._current: spdy.Frame | None = None
        self._running = False

    def offer(self, frame: spdy.Frame) -> bool:
        """Take a frame; False when the queue is full."""
        if self._current is not None or self._running:
            if len(self._queue) >= QUEUE:
                return False
            self._queue.append(kept(frame))
        elif not self._run(frame):
            self._current = kept(frame)
        elif self._queue:
            self._current = self._queue.popleft()
            self.wake()
        return True

    def wake(self) -> None:
        """Go on, if what the current frame waited for has happened."""
        before = self._current
        while self._current is not None and not self._running and self._run(self._current):
            self._current = self._queue.popleft() if self._queue else None
        if self._current is not before:
            self._moved()

    def _run(self, frame: spdy.Frame) -> bool:
        self._running = True
        try:
            return self._handle(frame)
        finally:
            self._running = False


class SpdyServer:
    """One session: reads the pipe, runs the workers, keeps the streams."""

    def __init__(self, pipe: Pipe, handler: Handler, idle_s: float) -> None:
        self.pipe = pipe
        self.workers = [Worker(self._handle, self._read_on) for _ in range(WORKERS)]
        self._handler = handler
        self._streams: dict[int, Stream] = {}
        self._last_id = -1
        self._framer = Framer()
        self._encoder = spdy.Encoder()
        self._held: spdy.Frame | None = None  # the frame the reader waits with
        self._closed = False
        self._turn = 0
        self._waiting: list[Callable[[], None]] = []
        self._loop = asyncio.get_running_loop()
        self._idle_s = idle_s
        self._active_at = self._loop.time()
        self._idle = self._loop.call_later(idle_s, self._look_idle)

    def received(self, data: memoryview) -> None:
        self._framer.feed(data)
        self._pull()

    def drained(self) -> None:
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback()
        for worker in self.workers:
            worker.wake()
        self._read_on()

    def lost(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._idle.cancel()
        self._waiting.clear()
        self._streams.clear()
        self._handler.lost()

    def write(self, data: bytes) -> None:
        self._active_at = self._loop.time()
        self.pipe.write(data)

    def when_writable(self, callback: Callable[[], None]) -> None:
        """Call back once, when the pipe is writable again."""
        self._waiting.append(callback)

    def forget(self, stream: Stream) -> None:
        self._streams.pop(stream.id, None)

    def close(self) -> None:
        """Reset every stream, say GOAWAY and close, as Go's connection does (B.5)."""
        if self._closed:
            return
        for stream in list(self._streams.values()):
            stream.reset()
        self.write(spdy.goaway(max(self._last_id, 0)))
        self.die()

    def die(self) -> None:
        """Close without a word, as a process that ends does."""
        self.lost()
        self.pipe.close()

    def _pull(self) -> None:
        """Read frames until none is left or a full queue holds the reader up."""
        try:
            while not self._closed and (frame := self._framer.next()) is not None:
                self._active_at = self._loop.time()
                if not self._dispatch(frame):
                    self._held = kept(frame)
                    self._framer.keep()
                    self.pipe.pause()
                    return
        except ProtocolError:
            self.die()

    def _read_on(self) -> None:
        held, self._held = self._held, None
        if held is None or self._closed:
            return
        if not self._dispatch(held):
            self._held = held
            return
        self._pull()
        if self._held is None:
            self.pipe.resume()

    def _dispatch(self, frame: spdy.Frame) -> bool:
        """Give a frame to its worker; False when the reader must wait."""
        match frame:
            case spdy.SynStream(stream_id=stream_id):
                if stream_id <= self._last_id:
                    return self._refuse(stream_id)
                self._last_id = stream_id
                self._streams[stream_id] = Stream(stream_id, frame.headers, self)
            case spdy.GoAway():
                self.die()
                return True
            case spdy.Ping() | spdy.Settings() | spdy.WindowUpdate():
                taken = self.workers[self._turn].offer(frame)
                self._turn = (self._turn + taken) % WORKERS
                return taken
            case _:
                stream_id = frame.stream_id
        return self.workers[stream_id % WORKERS].offer(frame)

    def _refuse(self, stream_id: int) -> bool:
        if self.pipe.writable:
            self.write(spdy.rst_stream(stream_id, spdy.RST_PROTOCOL_ERROR))
        return self.pipe.writable

    def _handle(self, frame: spdy.Frame) -> bool:
        """Do what a frame says; False when the worker must wait with it."""
        match frame:
            case spdy.Data():
                return self._data(frame)
            case spdy.SynStream():
                return self._open(frame)
            case spdy.Ping(ping_id=ping_id):
                return self._pong(ping_id)
            case spdy.RstStream(stream_id=stream_id):
                if (stream := self._streams.get(stream_id)) is not None:
                    self.forget(stream)
                    stream.was_reset()
            case spdy.Headers(stream_id=stream_id):
                # Nobody reads a stream's later headers: the worker waits for its end (B.5).
                return stream_id not in self._streams
        return True

    def _data(self, frame: spdy.Data) -> bool:
        stream = self._streams.get(frame.stream_id)
        if stream is None:
            return True
        if frame.payload:
            if stream.consumer is None or not stream.consumer.ready:
                return False
            stream.consumer.take(frame.payload)
        if frame.fin:
            stream.was_finished()
        return True

    def _open(self, frame: spdy.SynStream) -> bool:
        stream = self._streams.get(frame.stream_id)
        if stream is None or not self.pipe.writable:
            return stream is None
        if not self._handler.accepts(frame.headers):
            stream.reset()
            return True
        if frame.fin:
            stream.was_finished()
        self.write(self._encoder.syn_reply(stream.id))
        self._handler.opened(stream)
        return True

    def _pong(self, ping_id: int) -> bool:
        """Echo the client's pings, which are odd; even ones would answer ours, and we send none."""
        if ping_id % 2 and self.pipe.writable:
            self.write(spdy.ping(ping_id))
            return True
        return ping_id % 2 == 0

    def _look_idle(self) -> None:
        quiet = self._loop.time() - self._active_at
        if quiet >= self._idle_s:
            self.close()
        else:
            self._idle = self._loop.call_later(self._idle_s - quiet, self._look_idle)


def kept(frame: spdy.Frame) -> spdy.Frame:
    """The frame, independent of the buffer it was read into."""
    if isinstance(frame, spdy.Data):
        return spdy.Data(frame.stream_id, memoryview(bytes(frame.payload)), frame.fin)
    return frame
