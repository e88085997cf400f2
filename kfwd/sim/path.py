"""The way between client and API server: distance and width, below TLS.

Working on the bytes of TCP makes every handshake cost what it costs on a real path. Connections
are shaped only while a fault asks for it when they are accepted; others are not touched.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque

from kfwd.sim.faults import Faults
from kfwd.tasks import TaskSet

CHUNK = 64 * 1024
IN_FLIGHT = 4 * 1024 * 1024
"""Bytes a direction may have under way: 20 ms at 200 MB/s."""


class Path:
    """Puts a shaper in front of accepted sockets."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._tasks = TaskSet("path")

    def shaped(self, sock: socket.socket) -> socket.socket:
        """The socket to serve: `sock` itself, or one end of a pair whose other end is shaped."""
        now = self._faults.now
        if not now.latency_ms and not now.bandwidth:
            return sock
        near, far = socket.socketpair()
        for end in (sock, near, far):
            end.setblocking(False)
        self._tasks.spawn(self._carry(sock, near), "connection")
        return far

    async def _carry(self, client: socket.socket, server: socket.socket) -> None:
        # The client thinks it is connected already; over the real distance it would be told one
        # round trip later and only then send.
        connected = asyncio.get_running_loop().time() + self._faults.now.latency_ms / 1000
        up = Direction(client, server, self._faults, connected)
        down = Direction(server, client, self._faults, connected)
        with client, server:
            try:
                async with asyncio.TaskGroup() as group:
                    for step in (up.read, up.write, down.read, down.write):
                        group.create_task(step(), name=f"path/{step.__name__}")
            except* OSError:
                # One end was reset, and so is the other, by closing both sockets.
                pass

    async def close(self) -> None:
        """Cut every shaped connection."""
        await self._tasks.close()


class Direction:
    """Bytes one way: each chunk is delivered half a round trip after it came, at most so fast."""

    def __init__(
        self, source: socket.socket, target: socket.socket, faults: Faults, start: float
    ) -> None:
        self._source = source
        self._target = target
        self._faults = faults
        self._start = start
        self._free_at = start
        self._loop = asyncio.get_running_loop()
        self._chunks: deque[tuple[float, bytes]] = deque()
        self._size = 0
        self._moved = asyncio.Condition()

    async def read(self) -> None:
        """Take chunks until end-of-file, which is the empty one."""
        data = b"more"
        while data:
            data = await self._loop.sock_recv(self._source, CHUNK)
            async with self._moved:
                self._chunks.append((self._due(len(data)), data))
                self._size += len(data)
                self._moved.notify_all()
                await self._moved.wait_for(lambda: self._size < IN_FLIGHT)

    def _due(self, size: int) -> float:
        """When the last of `size` bytes that are here now arrives at the other end."""
        now = self._faults.now
        arrival = max(self._loop.time(), self._start) + now.latency_ms / 2000
        self._free_at = max(self._free_at, arrival)
        if now.bandwidth:
            self._free_at += size / now.bandwidth
        return self._free_at

    async def write(self) -> None:
        """Deliver chunks when they are due."""
        data = b"more"
        while data:
            async with self._moved:
                await self._moved.wait_for(lambda: bool(self._chunks))
                due, data = self._chunks.popleft()
            if (wait := due - self._loop.time()) > 0:
                await asyncio.sleep(wait)
            await self._loop.sock_sendall(self._target, data)
            async with self._moved:
                self._size -= len(data)
                self._moved.notify_all()
        self._target.shutdown(socket.SHUT_WR)
