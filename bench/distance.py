"""A path with a round trip time: a relay to one address that holds every byte back half of it.

A process of its own, so that what it costs is nobody's: `python -m bench.distance HOST PORT MS`
prints its port and runs until it is terminated. What a client sends first waits a round trip more,
since a real connection is only there when its handshake has crossed the path.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

WINDOW = 8 << 20
"""Bytes on the way; a sender that is further ahead waits."""

CHUNK = 256 * 1024


class Way:
    """One direction of one connection."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        self._under_way = 0
        self._room = asyncio.Event()

    async def carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wait_s: float
    ) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._leave(reader, wait_s), name="leave")
            tasks.create_task(self._arrive(writer), name="arrive")

    async def _leave(self, reader: asyncio.StreamReader, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        loop = asyncio.get_running_loop()
        data = b"x"
        while data:
            try:
                data = await reader.read(CHUNK)
            except OSError:
                data = b""
            self._under_way += len(data)
            self._queue.put_nowait((loop.time() + self._delay_s, data))
            while self._under_way > WINDOW:
                self._room.clear()
                await self._room.wait()

    async def _arrive(self, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while True:
                due, data = await self._queue.get()
                if (early := due - loop.time()) > 0:
                    await asyncio.sleep(early)
                if not data:
                    writer.write_eof() if writer.can_write_eof() else None
                    return
                writer.write(data)
                await writer.drain()
                self._under_way -= len(data)
                self._room.set()


async def relay(host: str, port: int, round_trip_s: float) -> asyncio.Server:
    """A server on loopback that is `round_trip_s` away from `host`:`port`."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(host, port)
        half = round_trip_s / 2
        try:
            async with asyncio.TaskGroup() as tasks:
                for each in (writer, far_writer):
                    each.get_extra_info("socket").setsockopt(
                        socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
                    )
                tasks.create_task(Way(half).carry(reader, far_writer, round_trip_s), name="there")
                tasks.create_task(Way(half).carry(far_reader, writer, 0), name="back")
        finally:
            for each in (writer, far_writer):
                each.close()

    return await asyncio.start_server(accept, "127.0.0.1", 0)


async def main(host: str, port: int, ms: float) -> None:
    server = await relay(host, port, ms / 1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
