"""A simulated cluster with one pod and its service, and clients of its proxy subresources."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from kfwd.sim.cluster import Cluster, Options

BASE = "/api/v1/namespaces/demo"
WEB = f"{BASE}/services/web:http/proxy"
POD = f"{BASE}/pods/p:8080/proxy"
_MANIFEST = """
{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: web}}, spec: {containers: [
  {name: c, image: i, ports: [{name: http, containerPort: 8080}]}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [
  {name: http, port: 80, targetPort: http}]}}
"""

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class World:
    """The cluster, an HTTP client with all rights, and ways to change what the pod runs."""

    def __init__(self, cluster: Cluster, http: aiohttp.ClientSession, tls: ssl.SSLContext) -> None:
        self.cluster = cluster
        self.http = http
        self._tls = tls
        self._servers: list[asyncio.Server] = []

    @property
    def token(self) -> str:
        return str(self.http.headers["Authorization"])

    async def instead(self, serve: Serve) -> None:
        """Let `serve` have the connections to the pod's port 8080."""
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self._servers.append(server)
        [pod] = self.cluster.store.objects("pods")
        port = server.sockets[0].getsockname()[1]
        self.cluster._ports.publish(pod["metadata"]["uid"], {8080: port})

    async def answering(self, answer: bytes) -> None:
        """Let the pod answer every request with these bytes and close."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            writer.close()

        await self.instead(serve)

    async def headers(self, path: str = f"{WEB}/headers", **options: Any) -> dict[str, str]:
        """What the pod was sent."""
        async with self.http.get(path, **options) as answer:
            found: dict[str, str] = await answer.json()
        return found

    @contextlib.asynccontextmanager
    async def raw(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A TLS connection to the API server."""
        url = self.http._base_url
        assert url is not None
        streams = await asyncio.open_connection(url.host, url.port, ssl=self._tls)
        try:
            yield streams
        finally:
            streams[1].close()
            with contextlib.suppress(OSError):
                await streams[1].wait_closed()

    async def close(self) -> None:
        for server in self._servers:
            server.close()
            await server.wait_closed()


@contextlib.asynccontextmanager
async def proxied(tmp_path: Path) -> AsyncIterator[World]:
    """A world for the length of a block."""
    manifest = tmp_path / "m.yaml"
    manifest.write_text(_MANIFEST)
    cluster = Cluster(Options(manifest=manifest))
    try:
        access = await cluster.start()
        tls = ssl.create_default_context(cadata=access.ca.decode())
        async with aiohttp.ClientSession(
            access.url,
            connector=aiohttp.TCPConnector(ssl=tls),
            headers={"Authorization": f"Bearer {access.admin_token}"},
        ) as http:
            world = World(cluster, http, tls)
            yield world
            await world.close()
    finally:
        await cluster.close()
