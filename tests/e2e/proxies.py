"""Proxies of every kind before a cluster, each in a thread's own event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

from tests.kube.servers import Authority, Through, serving

LOGIN = ("ann", "p w:@")
WORDS = "ann:p%20w%3A%40"
KINDS = ("http", "https", "socks5", "socks5h")


class Proxies:
    """They lead to one port of this machine whatever they are asked for, and note what that was."""

    def __init__(self, port: int) -> None:
        self.through = Through(port, LOGIN)
        self.authority = Authority()
        self.urls: dict[str, str] = {}
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._enough = asyncio.Event()

    def run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        async with AsyncExitStack() as stack:
            for kind in KINDS:
                handler = self.through.http if kind.startswith("http") else self.through.socks
                context = self.authority.server() if kind == "https" else None
                port = await stack.enter_async_context(serving(handler, context))
                self.urls[kind] = f"{kind}://{WORDS}@127.0.0.1:{port}"
            self._ready.set()
            await self._enough.wait()

    def started(self) -> None:
        assert self._ready.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._enough.set)


@contextmanager
def standing(port: int) -> Iterator[Proxies]:
    """Proxies whose every way ends at `port`."""
    proxies = Proxies(port)
    thread = threading.Thread(target=proxies.run)
    thread.start()
    proxies.started()
    try:
        yield proxies
    finally:
        proxies.stop()
        thread.join(10)
