"""The probe: the workload of every end-to-end test and measurement (design section 10).

Inside the simulated cluster every pod is one `Probe` on free ports. `python -m kfwd.sim.probe`
is the same on its real ports, for an image: it needs the standard library and aiohttp.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping

from kfwd.sim.podlog import PodLog
from kfwd.sim.probe_http import HTTP_PORT, HttpProbe
from kfwd.sim.probe_tcp import PROTOCOLS, Connection, Work

PORTS = (HTTP_PORT, *PROTOCOLS)
BACKLOG = 1024


class Probe:
    """One pod's process: its listening sockets and what is open on them."""

    def __init__(
        self,
        name: str,
        host: str | None = "127.0.0.1",
        ports: Mapping[int, int] | None = None,
        echo: Callable[[str], object] | None = None,
    ) -> None:
        """`ports` maps probe ports to ports to bind, by default free ones; `host` None is all.

        `echo` is given each line of the log.
        """
        self.name = name
        self.ports: dict[int, int] = dict(ports or {})
        self._host = host
        self.log = PodLog(echo=echo)
        self._work = Work(self.log)
        self._http = HttpProbe(name, self._work, self.log)
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Listen on every probe port; `ports` then has the bound ones. Raises `OSError`."""
        try:
            await self._listen(HTTP_PORT, self._http.server)
            for port, protocol in PROTOCOLS.items():
                await self._listen(port, self._factory(protocol))
        except OSError:
            await self.kill()
            raise
        self.log.write(f"probe {self.name} is listening")

    def _factory(self, protocol: type[Connection]) -> Callable[[], Connection]:
        return lambda: protocol(self._work)

    async def _listen(self, port: int, factory: Callable[[], asyncio.BaseProtocol]) -> None:
        server = await asyncio.get_running_loop().create_server(
            factory, self._host, self.ports.get(port, 0), backlog=BACKLOG
        )
        self._servers.append(server)
        self.ports[port] = server.sockets[0].getsockname()[1]

    async def drain(self) -> None:
        """What SIGTERM does: wait for open requests to end, then stop listening.

        Connections that arrive meanwhile are still served: the news that a pod is ending takes
        its time to reach everybody.
        """
        self._work.ending.set()
        await self._http.end_websockets()
        await self._work.none_open()
        self._stop_listening()

    def _stop_listening(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()

    async def kill(self) -> None:
        """What SIGKILL does: every socket is closed at once."""
        self._stop_listening()
        self.log.end()
        for connection in list(self._work.connections):
            connection.abort()
        await self._http.kill()


async def main(name: str, offset: int = 0) -> None:
    """Run on all interfaces until SIGTERM or SIGINT; `offset` is added to every port."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    ports = {port: port + offset for port in PORTS}
    probe = Probe(name, None, ports, lambda line: (sys.stdout.write(line), sys.stdout.flush()))
    await probe.start()
    await ended.wait()
    await probe.drain()
    await probe.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="the workload of kfwd's end-to-end tests")
    parser.add_argument("--offset", type=int, default=0, help="added to every port")
    hostname = os.environ.get("HOSTNAME") or socket.gethostname()
    asyncio.run(main(hostname, parser.parse_args().offset))
