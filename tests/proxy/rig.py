"""An HTTP listener, clients before it, and a server behind it that a test scripts: real sockets."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy

from kfwd.errors import KfwdError
from kfwd.front.users import Users
from kfwd.kube.connect import Server
from kfwd.kube.credentials import Credential
from kfwd.kube.kubeconfig import Cluster, Context, User
from kfwd.kube.subscribers import Subscribers
from kfwd.model import ContextRef
from kfwd.proxy import passing
from kfwd.proxy.api_upstreams import ApiUpstreams
from kfwd.proxy.decision import Answer, Decision, Forward, Handler, Raw, page
from kfwd.proxy.requests import RequestLog
from kfwd.proxy.server import HttpServer
from kfwd.proxy.upstream import Client as Asker
from kfwd.wire.http1 import RequestHead

WAIT_S = 5.0


class Peer:
    """One connection as a server or a client sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> bytes:
        """A head, with its empty line."""
        async with asyncio.timeout(WAIT_S):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def exactly(self, count: int) -> bytes:
        async with asyncio.timeout(WAIT_S):
            return await self.reader.readexactly(count)

    async def rest(self) -> bytes:
        """Everything up to the end-of-file. Raises `ConnectionResetError` where there is none."""
        async with asyncio.timeout(WAIT_S):
            return await self.reader.read()

    async def answer(self) -> tuple[bytes, bytes]:
        """A head and the body that its Content-Length tells."""
        head = await self.head()
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        return head, await self.exactly(length)

    def close(self) -> None:
        self.writer.close()


class Credentials:
    """A token that a test may change."""

    def __init__(self) -> None:
        self.current: Credential = self.credential("one")
        self.failure: KfwdError | None = None
        self.refused: list[Credential] = []
        self.next: Credential | None = None

    def credential(self, token: str, **more: str) -> Credential:
        headers = CIMultiDict({"Authorization": f"Bearer {token}", **more})
        return Credential(headers=CIMultiDictProxy(headers), tag=len(token))

    async def get(self) -> Credential:
        if self.failure is not None:
            raise self.failure
        return self.current

    def rejected(self, credential: Credential) -> None:
        self.refused.append(credential)
        if self.next is not None:
            self.current = self.next


class Context_:
    """What API upstreams know of a context: one API server without TLS."""

    def __init__(self, url: str) -> None:
        self.credentials: Any = Credentials()
        self.reports: list[KfwdError | None] = []
        self._subscribers = Subscribers()
        self.move(url)

    def move(self, url: str) -> None:
        """The kubeconfig names another server."""
        ref = ContextRef(kubeconfig=("/kube",), name="dev")
        context = Context(
            ref=ref, cluster=Cluster(name="c", server=url), user=User(name="u"), namespace="default"
        )
        self.server = Server(context, self.credentials, {})

    @property
    def current(self) -> Any:
        return self

    async def cluster(self) -> Any:
        return self

    def report(self, error: KfwdError | None) -> None:
        self.reports.append(error)

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        return self._subscribers.add(callback)

    def changed(self) -> None:
        self._subscribers.wake()


class PassAll:
    """Forwards every request, unless a test decides."""

    def __init__(self, upstreams: Any) -> None:
        self.upstreams = upstreams
        self.decide_as: Callable[[RequestHead], Decision | None] = lambda request: None
        self.more: dict[str, Any] = {}

    async def decide(self, request: RequestHead, client: Asker) -> Decision:
        decision = self.decide_as(request)
        if decision is not None:
            return decision
        if request.method == "CONNECT":
            return Raw(self.upstreams, failed)
        upgrade = passing.upgrades(request)
        lines = passing.lines(request, upgrade=upgrade)
        target = request.target
        return Forward(
            self.upstreams, request.method, target, lines, failed, upgrade=upgrade, **self.more
        )


def failed(error: KfwdError) -> Answer:
    return page(500, error.text)


class Rig:
    """`backend()` is the next connection that the server gets, `client()` one to the listener."""

    def __init__(self) -> None:
        self._arrived: asyncio.Queue[Peer] = asyncio.Queue()
        self._peers: list[Peer] = []
        self.log = RequestLog()
        self.handler: Any
        self.server: HttpServer
        self.context: Context_
        self.upstreams: ApiUpstreams

    async def start(self, handler: Callable[[Rig], Handler] | None = None) -> None:
        self._behind = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.behind = int(self._behind.sockets[0].getsockname()[1])
        self.context = Context_(f"http://127.0.0.1:{self.behind}")
        context: Any = self.context
        self.upstreams = ApiUpstreams(context, hold_s=0.0, append_path=False)
        self.handler = handler(self) if handler else PassAll(self.upstreams)
        self.server = HttpServer("test", self.handler, users=Users(os.getuid()), log=self.log)
        (self.address,) = self.server.bind(["127.0.0.1"], 0)
        self.port = int(self.address.rpartition(":")[2])

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        self._peers.append(peer)
        self._arrived.put_nowait(peer)

    async def backend(self) -> Peer:
        async with asyncio.timeout(WAIT_S):
            return await self._arrived.get()

    @property
    def waiting(self) -> int:
        """Connections to the server that no test has looked at."""
        return self._arrived.qsize()

    async def client(self, data: bytes = b"") -> Peer:
        peer = Peer(*await asyncio.open_connection("127.0.0.1", self.port))
        self._peers.append(peer)
        peer.send(data)
        return peer

    async def close_backend(self) -> None:
        """Nothing listens where the server was."""
        self._behind.close()
        await self._behind.wait_closed()

    async def stop(self) -> None:
        assert await self.server.close() == []
        await self.upstreams.close()
        for peer in self._peers:
            peer.close()
        for peer in self._peers:
            try:
                await peer.writer.wait_closed()
            except ConnectionError:
                continue
        self._behind.close()
        await self._behind.wait_closed()


@asynccontextmanager
async def rigged(handler: Callable[[Rig], Handler] | None = None) -> AsyncIterator[Rig]:
    rig = Rig()
    await rig.start(handler)
    try:
        yield rig
    finally:
        await rig.stop()


def get(path: str = "/", *lines: str, version: str = "1.1", method: str = "GET") -> bytes:
    """A request without a body."""
    head = "\r\n".join([f"{method} {path} HTTP/{version}", "Host: localhost", *lines])
    return f"{head}\r\n\r\n".encode()


def ok(body: bytes = b"fine", *lines: str) -> bytes:
    """An answer with a length."""
    head = "\r\n".join(["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *lines])
    return f"{head}\r\n\r\n".encode() + body
