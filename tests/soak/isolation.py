"""64 connections to one pod, of which 8 read nothing and 4 lead to a process that takes nothing.

What the other 52 (51 downloads, and one with echoes) get beside them is compared with what they get
alone, in turn, since the machine is noisy: the medians of a few windows count. What the stalled may
cost is bounded however fast the machine is, so it is asked on a busy one as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import statistics
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from kfwd.tasks import TaskSet
from tests.chaos.world import World
from tests.soak.figures import Figure

DOWNLOADS, READERS, PODS = 51, 8, 4
"""With the one whose echoes are timed these are 64, as many as get a session of their own."""

READER_MB = 4 * 1024 * 1024 / 1e6
"""A stalled reader costs at most 4 MiB (design section 4, rule 2); so may a stalled pod."""

HOPS = 3
"""Connections on the way of an upload: to the daemon, to the API server, to the pod's process."""

BEGIN_S = 30.0
"""Within it every download has its first byte, on whatever machine."""

SESSION_MB = 0.1
BUSY_MB = 1.0
"""What the buffers of a connection at full speed may hold: 256 KiB each way, in two places."""

ENDLESS = b"100000000000\n"
UPLOAD = b"POST /slow?ms=600000 HTTP/1.1\r\nHost: web\r\nContent-Length: 100000000000\r\n\r\n"
CHUNK = bytes(1 << 16)
ECHO = b"0123456789abcdef"

_buffer = memoryview(bytearray(1 << 18))


class Ports(NamedTuple):
    """Where what is needed listens."""

    source: int
    web: int
    echo: int


class Download(asyncio.BufferedProtocol):
    """A reader that asks for more than it will get, and counts."""

    def __init__(self) -> None:
        self.count = 0
        self.begun = asyncio.Event()
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(ENDLESS)

    def get_buffer(self, sizehint: int) -> memoryview:
        return _buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.count += nbytes
        self.begun.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self.begun.set()


class Window(NamedTuple):
    """What the others got: MB a second in all and for the slowest, and the p99 of an echo."""

    rate: float
    slowest: float
    p99_ms: float
    lost: int


async def measured(ports: Ports, seconds: float) -> Window:
    """The others, for so long."""
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(Download, "127.0.0.1", ports.source) for _ in range(DOWNLOADS)
    ]
    downloads = [download for _, download in made]
    try:
        async with asyncio.timeout(BEGIN_S):
            for each in downloads:
                await each.begun.wait()
        await asyncio.sleep(seconds / 4)
        before, begin = [each.count for each in downloads], loop.time()
        echoes = await _echoes(ports.echo, begin + seconds)
        span = loop.time() - begin
        got = [each.count - was for each, was in zip(downloads, before, strict=True)]
        lost = sum(each.lost for each in downloads)
        p99 = sorted(echoes)[int(len(echoes) * 0.99)] * 1000
        return Window(sum(got) / span / 1e6, min(got) / span / 1e6, p99, lost)
    finally:
        for transport, _ in made:
            transport.abort()


async def _echoes(port: int, end: float) -> list[float]:
    """Seconds of a round trip on a connection that stays, asked for one after the other."""
    loop, found = asyncio.get_running_loop(), list[float]()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while loop.time() < end:
        begin = loop.time()
        writer.write(ECHO)
        await reader.readexactly(len(ECHO))
        found.append(loop.time() - begin)
        await asyncio.sleep(0.005)
    writer.transport.abort()
    return found


def upload_mb() -> float:
    """What an upload that nobody takes may send: what the kernel keeps on the way, and kfwd."""
    limits = Path("/proc/sys/net/ipv4")
    kept = sum(int((limits / name).read_text().split()[2]) for name in ("tcp_wmem", "tcp_rmem"))
    return HOPS * kept / 1e6 + READER_MB


@asynccontextmanager
async def stalled(ports: Ports, most_mb: float) -> AsyncIterator[Callable[[], float]]:
    """8 readers that stopped and 4 uploads that nobody takes; gives the MB that one of these sent.

    Uploads at rest may go on: on a busy machine whoever is next may not have had its turn.
    """
    tasks, sent = TaskSet("stalled"), [0] * PODS
    with contextlib.ExitStack() as stack:
        for _ in range(READERS):
            sock = stack.enter_context(_connected(ports.source))
            sock.send(ENDLESS)
        for number in range(PODS):
            sock = stack.enter_context(_connected(ports.web))
            tasks.spawn(_upload(sock, sent, number), "upload")
        before = -1
        while before != sum(sent) and max(sent) / 1e6 <= most_mb:
            before = sum(sent)
            await asyncio.sleep(0.5)
        try:
            yield lambda: max(sent) / 1e6
        finally:
            await tasks.close()


@contextlib.contextmanager
def _connected(port: int) -> Iterator[socket.socket]:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        sock.connect(("127.0.0.1", port))
        sock.setblocking(False)
        yield sock


async def _upload(sock: socket.socket, sent: list[int], number: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, UPLOAD)
    while True:
        await loop.sock_sendall(sock, CHUNK)
        sent[number] += len(CHUNK)


async def isolation(
    ports: Ports, world: World, windows: int, seconds: float, least: float | None
) -> list[Figure]:
    """`windows` pairs of windows; `least` of the rate alone must be left beside the stalled.

    Without it rates are told and not judged: other things run on this machine.
    """
    alone, beside, sent_mb, most_mb = list[Window](), list[Window](), 0.0, upload_mb()
    await measured(ports, seconds)  # sessions are dialled, buffers are grown
    calm = await asyncio.to_thread(world.usage)
    peak = calm.rss_mb
    for _ in range(windows):
        alone.append(await measured(ports, seconds))
        async with stalled(ports, most_mb) as sent:
            beside.append(await measured(ports, seconds))
            sent_mb = max(sent_mb, sent())
            peak = max(peak, (await asyncio.to_thread(world.usage)).rss_mb)
        # What a pod does not take it would keep for as long as it is busy.
        await asyncio.to_thread(world.admin, "POST", "/sim/cut", {"how": "reset"})
        await asyncio.to_thread(world.until, world.at_rest, "no connection is left")
        await asyncio.to_thread(world.until, world.all_ready, "every entry is ready")
    taken = Figure(name="most that a stalled pod took", value=sent_mb, unit="MB", most=most_mb)
    return [*_speed(alone, beside, least), taken, _cost(peak - calm.rss_mb)]


def _speed(alone: list[Window], beside: list[Window], least: float | None) -> list[Figure]:
    def typical(windows: list[Window], of: Callable[[Window], float]) -> float:
        return statistics.median(map(of, windows))

    ratio = statistics.median(b.rate / a.rate for a, b in zip(alone, beside, strict=True))
    return [
        Figure(name="51 downloads alone", value=typical(alone, lambda w: w.rate), unit="MB/s"),
        Figure(
            name="51 downloads beside 8 stalled readers and 4 stalled pods",
            value=typical(beside, lambda w: w.rate),
            unit="MB/s",
        ),
        Figure(name="rate beside / alone", value=ratio, unit="x", least=least),
        Figure(
            name="slowest of them beside / their mean",
            value=min(w.slowest / (w.rate / DOWNLOADS) for w in beside),
            unit="x",
            least=least and 0.1 * least**2,
        ),
        Figure(
            name="p99 of an echo beside them / alone",
            value=typical(beside, lambda w: w.p99_ms) / typical(alone, lambda w: w.p99_ms),
            unit="x",
            most=least and 2 / least,
        ),
        Figure(name="downloads that were cut", value=sum(w.lost for w in beside + alone), most=0),
    ]


def _cost(grown_mb: float) -> Figure:
    most = (READERS + PODS) * READER_MB + DOWNLOADS * BUSY_MB + 64 * SESSION_MB
    name = "memory that the stalled cost the daemon"
    return Figure(name=name, value=grown_mb, unit="MB", most=most)
