"""One pod and the port-forward server in front of it, on plain TCP: no API server, no TLS."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import parse_qs

import msgspec

from kfwd.sim.faults import Faults
from kfwd.sim.node import Node, PortMap
from kfwd.sim.portforward import PortForward
from kfwd.sim.sessions import Sessions
from kfwd.sim.upgrade import UpgradeRequest
from tests.sim.clients import Tcp, connect
from tests.sim.spdyclient import SpdyClient
from tests.sim.wsclient import WebSocketClient

UID = "0d7e6d4c-6f5e-4a5c-9d7a-1d0f8f6b0a01"
POD = {"metadata": {"name": "web-0", "uid": UID}, "spec": {"containers": [{"name": "probe"}]}}
PATH = "/api/v1/namespaces/demo/pods/web-0/portforward"
SPDY = {
    "Connection": "Upgrade",
    "Upgrade": "SPDY/3.1",
    "X-Stream-Protocol-Version": "portforward.k8s.io",
}
TUNNEL = "SPDY/3.1+portforward.k8s.io"


class Kubelet:
    """The server under test. `ports` may be given more ports than the pod's own."""

    def __init__(self, **settings: object) -> None:
        self.faults = Faults()
        self.faults.merge(msgspec.json.encode(settings))
        self.sessions = Sessions(self.faults)
        self.ports = PortMap()
        self.node = Node(self.ports)
        self._forward = PortForward(self.ports, self.faults, self.sessions)
        self.port = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")[:-2]
        method, target, _ = first.split(" ")
        path, _, query = target.partition("?")
        headers = tuple(
            (name, value.strip()) for name, _, value in (h.partition(":") for h in lines)
        )
        request = UpgradeRequest(method, path, parse_qs(query), headers)
        await self._forward.serve(request, reader, writer, POD)

    def listen_in_pod(self, port: int, real: int) -> None:
        """Make a test's own server the pod's `port`."""
        known = self.ports._pods[UID]
        self.ports.publish(UID, {**known, port: real})

    @contextlib.asynccontextmanager
    async def request(
        self, method: str = "POST", query: str = "", headers: dict[str, str] | None = None
    ) -> AsyncIterator[Tcp]:
        """A connection on which a request was sent."""
        async with connect(self.port) as tcp:
            sent = SPDY if headers is None else headers
            lines = [f"{method} {PATH}{query} HTTP/1.1", "Host: kubernetes"]
            lines += [f"{name}: {value}" for name, value in sent.items()]
            tcp.writer.write("\r\n".join([*lines, "", ""]).encode())
            yield tcp

    @contextlib.asynccontextmanager
    async def spdy(self) -> AsyncIterator[SpdyClient]:
        """An upgraded SPDY session."""
        async with self.request() as tcp:
            head = await read_head(tcp)
            assert head.startswith("HTTP/1.1 101 "), head
            yield SpdyClient(tcp.reader, tcp.writer)

    @contextlib.asynccontextmanager
    async def websocket(
        self, protocol: str = TUNNEL, query: str = ""
    ) -> AsyncIterator[WebSocketClient]:
        """An upgraded WebSocket."""
        async with self.request("GET", query, websocket_headers(protocol)) as tcp:
            head = await read_head(tcp)
            assert head.startswith("HTTP/1.1 101 "), head
            yield WebSocketClient(tcp.reader, tcp.writer)


def websocket_headers(protocol: str) -> dict[str, str]:
    return {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": protocol,
    }


async def read_head(tcp: Tcp) -> str:
    return (await tcp.reader.readuntil(b"\r\n\r\n")).decode()


async def read_answer(tcp: Tcp) -> tuple[str, str]:
    """Head and body of an answer that ends with the connection."""
    head = await read_head(tcp)
    return head, (await tcp.reader.read()).decode()


@contextlib.asynccontextmanager
async def kubelet(**settings: object) -> AsyncIterator[Kubelet]:
    """A kubelet with the pod running, under the given settings; everything ends with it."""
    server = Kubelet(**settings)
    await server.node.start_pod(POD)
    handlers: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await server.accept(reader, writer)
        finally:
            handlers.discard(task)
            writer.close()

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        server.sessions.cut()
        if handlers:
            await asyncio.wait(handlers, timeout=5)
        await server.node.close()
