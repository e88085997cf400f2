"""A gateway before clients; every place of its cluster is one scripted server."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kfwd.front.local import LocalSocket
from kfwd.front.users import Users
from kfwd.proxy.gateway import Gateway
from kfwd.proxy.gateway_connection import GatewayConnection
from kfwd.proxy.server import HttpServer
from kfwd.proxy.upstream import Client, Receiver
from kfwd.wire import http1
from kfwd.wire.http1 import Lines
from tests.proxy.landscapes import Reach
from tests.proxy.rig import Rig


class Direct:
    """A connection straight to the server; like one through a tunnel it begins with `attach`."""

    reused = False
    prompt = True
    where = "web-1"

    def __init__(self, port: int) -> None:
        self._port = port
        self._receiver: Receiver | None = None
        self._local: LocalSocket | None = None

    def head(self, method: str, target: str, lines: Lines) -> bytes:
        return http1.encode_request(method, target, lines)

    def attach(self, receiver: Receiver) -> None:
        self._receiver = receiver
        sock = socket.create_connection(("127.0.0.1", self._port))
        sock.setblocking(False)
        self._local = LocalSocket(sock, self)
        self._local.resume_reading()

    @property
    def _open(self) -> LocalSocket:
        assert self._local is not None
        return self._local

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._open.write(memoryview(data))

    def finish(self) -> None:
        self._open.finish_writing()

    def pause_reading(self) -> None:
        self._open.pause_reading()

    def resume_reading(self) -> None:
        self._open.resume_reading()

    def again(self, status: int) -> bool:
        return False

    def release(self, *, persistent: bool) -> None:
        self.abort()

    def abort(self) -> None:
        self._receiver = None
        if self._local is not None:
            self._local.abort()

    def local_data(self, data: memoryview) -> None:
        if self._receiver is not None:
            self._receiver.data_received(data)

    def local_eof(self) -> None:
        if self._receiver is not None:
            self._receiver.pipe_lost(None)

    def local_lost(self, error: OSError) -> None:
        if self._receiver is not None:
            self._receiver.pipe_lost(error)

    def local_full(self) -> None:
        if self._receiver is not None:
            self._receiver.pause_writing()

    def local_drained(self) -> None:
        if self._receiver is not None:
            self._receiver.resume_writing()

    def local_closed(self) -> None:
        """Nobody waits for that here."""


class Directs:
    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.error: Exception | None = None

    async def connect(self, client: Client, *, fresh: bool) -> Direct:
        if self.error is not None:
            raise self.error
        return Direct(self._rig.behind)


class GatewayRig(Rig):
    """`directs.error` is why there is nothing behind, if anything."""

    def __init__(self, users: Users | None = None) -> None:
        super().__init__()
        self.users = users or Users(os.getuid())
        self.directs = Directs(self)
        self.reach = Reach(self.directs)
        self.gateway = Gateway(self.reach)

    async def begin(self) -> None:
        """Listen as a gateway, in the place of the rig's own listener."""
        await self.start()
        assert await self.server.close() == []
        self.server = HttpServer(
            "gateway",
            self.gateway,
            users=self.users,
            log=self.log,
            connect=lambda server, sock: GatewayConnection(server, sock, self.gateway),
        )
        (self.address,) = self.server.bind(["127.0.0.1"], 0)
        self.port = int(self.address.rpartition(":")[2])


@asynccontextmanager
async def gatewayed(users: Users | None = None) -> AsyncIterator[GatewayRig]:
    rig = GatewayRig(users)
    await rig.begin()
    try:
        yield rig
    finally:
        await rig.stop()
