"""From the far end's own address to the simulated cluster, which listens on loopback alone.

A process of its own: `python -m tests.frozen.relay ADDRESS PORT`.
"""

from __future__ import annotations

import asyncio
import socket
import sys

from kfwd.sim.splice import splice
from kfwd.tasks import TaskSet


async def serve(address: str, port: int) -> None:
    loop, connections = asyncio.get_running_loop(), TaskSet("relay")
    with socket.create_server((address, port)) as server:
        server.setblocking(False)
        while True:
            client, _ = await loop.sock_accept(server)
            connections.spawn(splice(client, ("127.0.0.1", port)), "connection")


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
