"""A process in the pod that does what a test says, on a port of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tests.sim.clients import Tcp
from tests.sim.kubelet import Kubelet


class PodServer:
    """Accepts connections and hands them to the test."""

    def __init__(self) -> None:
        self._accepted: asyncio.Queue[Tcp] = asyncio.Queue(100)
        self.connections: list[Tcp] = []

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tcp = Tcp(reader, writer)
        self.connections.append(tcp)
        await self._accepted.put(tcp)

    async def accepted(self) -> Tcp:
        """The next connection to the pod."""
        async with asyncio.timeout(5):
            return await self._accepted.get()


@contextlib.asynccontextmanager
async def pod_server(kubelet: Kubelet, port: int) -> AsyncIterator[PodServer]:
    """Listen on the pod's `port`."""
    server = PodServer()
    listener = await asyncio.start_server(server._accept, "127.0.0.1", 0, limit=64 << 20)
    kubelet.listen_in_pod(port, listener.sockets[0].getsockname()[1])
    try:
        yield server
    finally:
        listener.close()
        for tcp in server.connections:
            tcp.writer.transport.abort()
            with contextlib.suppress(OSError):
                await tcp.writer.wait_closed()
