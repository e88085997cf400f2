"""aiohttp on sockets of our own: same proxies, same resolver, same errors as everything else."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from asyncio import sslproto
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.tracing import Trace
from msgspec import Struct

from kfwd.errors import Unreachable
from kfwd.kube import tls
from kfwd.wire.authority import authority

HANDSHAKE_S = 10.0

TLS_READ = 32 * 1024
"""asyncio keeps a buffer of this size for every connection with TLS. Its own 256 KiB are for bulk;
a context holds several watches, which are silent for hours, and reads large lists once."""

sslproto.SSLProtocol.max_size = TLS_READ


class TlsTerms(Struct, frozen=True):
    """How to speak TLS to one server. `ca` only makes errors clearer."""

    context: ssl.SSLContext
    server_name: str
    ca: bytes | None = None


class SocketConnector(aiohttp.BaseConnector):
    """Connections for aiohttp on sockets that `open_socket(host, port)` makes.

    `terms(host)` says how to speak TLS; a request's own `ssl=` context wins over its context.
    There is no limit: watches and streams hold connections for hours (aiohttp counts them, too).
    """

    def __init__(
        self,
        open_socket: Callable[[str, int], Awaitable[socket.socket]],
        terms: Callable[[str], Awaitable[TlsTerms]],
    ) -> None:
        super().__init__(limit=0)
        self._open_socket = open_socket
        self._terms = terms

    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        host, port = req.url.host or "", req.url.port or 0
        terms = await self._terms(host) if req.is_ssl() else None
        sock = await self._open_socket(host, port)
        try:
            return await self._start(sock, terms, req)
        except BaseException:
            # A transport owns the socket by now and may be saying goodbye on it. Closed underneath,
            # its number would go to another socket, and that one's bytes astray; cut, it ends soon.
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            raise

    async def _start(
        self, sock: socket.socket, terms: TlsTerms | None, req: aiohttp.ClientRequest
    ) -> ResponseHandler:
        if terms is None:
            _, protocol = await self._loop.create_connection(self._factory, sock=sock)
            return protocol
        context = req.ssl if isinstance(req.ssl, ssl.SSLContext) else terms.context
        where = authority(req.url.host or "", req.url.port or 0)
        with tls.handshake_errors(where, terms.server_name, terms.ca):
            try:
                async with asyncio.timeout(HANDSHAKE_S):
                    _, protocol = await self._loop.create_connection(
                        self._factory, sock=sock, ssl=context, server_hostname=terms.server_name
                    )
            except TimeoutError:
                raise Unreachable(
                    f"the TLS handshake with {where} did not end within {HANDSHAKE_S:g} s",
                    code="tls-failed",
                ) from None
        return protocol
