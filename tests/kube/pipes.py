"""Pipes to servers of a test, plain and with TLS, and what receives their bytes."""

from __future__ import annotations

import asyncio
import socket
import ssl

from kfwd.kube.pipe import Pipe
from kfwd.kube.tls_pipe import open_pipe
from tests.kube.servers import Authority, Handler, serving

AUTHORITY = Authority()


class Receiver:
    def __init__(self) -> None:
        self.data = bytearray()
        self.lost: list[Exception | None] = []
        self.full = False
        self.calls = 0

    def data_received(self, data: memoryview) -> None:
        self.calls += 1
        self.data += data

    def pipe_lost(self, error: Exception | None) -> None:
        self.lost.append(error)

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False


def client_context() -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=AUTHORITY.pem.decode())
    context.set_alpn_protocols(["http/1.1"])
    return context


async def opened(port: int, *, tls: bool, user_timeout_ms: int = 0) -> tuple[Pipe, Receiver]:
    sock = socket.socket()
    if user_timeout_ms:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, user_timeout_ms)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    pipe = await open_pipe(sock, client_context() if tls else None, "127.0.0.1")
    receiver = Receiver()
    pipe.attach(receiver)
    return pipe, receiver


def server(handler: Handler, *, tls: bool):  # type: ignore[no-untyped-def]  # a context manager
    return serving(handler, AUTHORITY.server() if tls else None)
