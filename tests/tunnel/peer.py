"""The server's end of sessions, scripted by a test: real sockets, no clock, no cleverness."""

from __future__ import annotations

import asyncio
import socket
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kfwd.errors import KfwdError, NotFound, Unreachable
from kfwd.kube.pipe import SocketPipe
from kfwd.tunnel.dial import Dialled
from kfwd.wire import spdy

WAIT_S = 5.0


class Peer:
    """One session as the server sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._decoder, self._encoder = spdy.Decoder(), spdy.Encoder()
        self._frames: list[spdy.Frame] = []
        self.uploads: dict[int, bytes] = {}
        self.error_of: dict[int, int] = {}

    async def frame(self) -> spdy.Frame:
        """The next frame; the payload of DATA is a copy."""
        while not self._frames:
            async with asyncio.timeout(WAIT_S):
                data = await self.reader.read(65536)
            if not data:
                raise EOFError
            for frame in self._decoder.feed(data):
                if isinstance(frame, spdy.Data):
                    frame = spdy.Data(frame.stream_id, bytes(frame.payload), frame.fin)
                self._frames.append(frame)
        return self._frames.pop(0)

    async def expect(self, kind: type[spdy.Frame]) -> spdy.Frame:
        """The next frame of one kind, past others."""
        while not isinstance(frame := await self.frame(), kind):
            pass
        return frame

    async def opened(self, *, reply: bool = True) -> int:
        """Wait for a pair of SYN_STREAMs and return the data stream's id."""
        error = await self.expect(spdy.SynStream)
        data = await self.expect(spdy.SynStream)
        assert (error.headers["streamtype"], data.headers["streamtype"]) == ("error", "data")
        if reply:
            self.reply(error.stream_id, data.stream_id)
        self.error_of[data.stream_id] = error.stream_id
        return data.stream_id

    def reply(self, *stream_ids: int) -> None:
        self.writer.write(b"".join(self._encoder.syn_reply(each) for each in stream_ids))

    def data(self, stream_id: int, payload: bytes = b"", *, fin: bool = False) -> None:
        self.writer.write(spdy.data_header(stream_id, len(payload), fin=fin) + payload)

    def text(self, stream_id: int, words: str) -> None:
        """The runtime's words on a connection's error stream, which ends there."""
        self.data(self.error_of[stream_id], words.encode(), fin=True)

    def end(self, stream_id: int) -> None:
        """Both ends of a connection that went well, in the server's order."""
        self.data(stream_id, fin=True)
        self.data(self.error_of[stream_id], fin=True)

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def received(self, stream_id: int, size: int) -> bytes:
        """The next `size` bytes that came up on a stream."""
        data = self.uploads.pop(stream_id, b"")
        while len(data) < size:
            frame = await self.expect(spdy.Data)
            if frame.stream_id == stream_id:
                data += frame.payload
            else:
                self.uploads[frame.stream_id] = (
                    self.uploads.get(frame.stream_id, b"") + frame.payload
                )
        return data

    async def finished(self, stream_id: int) -> None:
        """Wait for the end-of-file of a stream."""
        while True:
            frame = await self.expect(spdy.Data)
            if frame.stream_id == stream_id and frame.fin:
                return

    def close(self) -> None:
        self.writer.close()


class Peers:
    """A listening server whose sessions a test takes one by one, and a dialer that reaches it.

    With the transport `channels` its peers are bare: a test reads and writes their streams.
    """

    def __init__(self) -> None:
        self.transport = "spdy"
        self._arrived: defaultdict[str, asyncio.Queue[Peer]] = defaultdict(asyncio.Queue)
        self._pod_at: dict[int, str] = {}
        self._all: list[Peer] = []
        self.dials = 0
        self.refuse: KfwdError | None = None
        self.lost: dict[str, KfwdError] = {}
        self.gate: asyncio.Event | None = None
        self.pods: list[str] = []
        self.ports: list[int | None] = []
        self.port = 0

    async def dial(self, namespace: str, pod: str, port: int | None = None) -> Dialled | None:
        """What `Dialer.dial` does, without HTTP."""
        self.dials += 1
        self.pods.append(pod)
        self.ports.append(port)
        if self.gate is not None:
            await self.gate.wait()
        if (refusal := self.lost.get(pod, self.refuse)) is not None:
            raise refusal
        if self.transport == "channels" and port is None:
            return None
        pipe = await SocketPipe.over(await self._connect(pod))
        pipe.pause_reading()
        return Dialled(pipe, b"", self.transport)

    async def next(self, pod: str = "p") -> Peer:
        """The next session to a pod."""
        async with asyncio.timeout(WAIT_S):
            return await self._arrived[pod].get()

    async def _connect(self, pod: str) -> socket.socket:
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind(("127.0.0.1", 0))
        self._pod_at[sock.getsockname()[1]] = pod
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        return sock

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        self._all.append(peer)
        self._arrived[self._pod_at[writer.get_extra_info("peername")[1]]].put_nowait(peer)

    def close(self) -> None:
        for peer in self._all:
            peer.writer.transport.abort()


@asynccontextmanager
async def peers() -> AsyncIterator[Peers]:
    """A server that runs for the length of a test."""
    hub = Peers()
    server = await asyncio.start_server(hub.accept, "127.0.0.1", 0)
    hub.port = server.sockets[0].getsockname()[1]
    try:
        yield hub
    finally:
        hub.close()
        server.close()
        await server.wait_closed()


GONE = NotFound("pod ns/p: not found", code="pod-gone")
DOWN = Unreachable("nobody there", code="connect-failed")
