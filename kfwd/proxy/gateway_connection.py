"""A client of the gateway: HTTP or SOCKS5, as its first byte says."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from kfwd.errors import KfwdError, NotReady, SessionLost
from kfwd.proxy.connection import HEAD_S, IDLE_S, HttpConnection
from kfwd.proxy.decision import Answer, Here, Raw, page
from kfwd.proxy.gateway import Gateway
from kfwd.proxy.gateway_pages import Wording
from kfwd.proxy.tunnel import Tunnel
from kfwd.wire import socks_server
from kfwd.wire.first_bytes import Speech, speech
from kfwd.wire.http1 import RequestHead
from kfwd.wire.socks_server import Denied, ServerHandshake

if TYPE_CHECKING:
    from kfwd.proxy.server import HttpServer

TLS_REFUSED = "Client sent an HTTPS request to an HTTP server: use http://"
SOCKS4_REFUSED = b"\x00\x5b" + bytes(6)  # "request rejected"
PLAIN = Wording(html=False)


class GatewayConnection(HttpConnection):
    """What comes before requests: finding out what they are, and the handshake of SOCKS."""

    def __init__(self, server: HttpServer, sock: socket.socket, gateway: Gateway) -> None:
        super().__init__(server, sock)
        self._gateway = gateway
        self._speech: Speech | None = None

    async def _serve(self) -> bool:
        if self._speech is None:
            if not await self._something_there(IDLE_S):
                return False
            self._speech = speech(self._ahead[0])
        match self._speech:
            case Speech.HTTP:
                return await super()._serve()
            case Speech.SOCKS5:
                return await self._serve_socks()
            case Speech.SOCKS4:
                self.write(SOCKS4_REFUSED)
                return False
            case Speech.TLS:
                return await self._answer(None, page(400, TLS_REFUSED, close=True))

    async def _something_there(self, timeout: float) -> bool:
        """Wait for bytes of the client; False when none come."""
        self._pace()
        try:
            async with asyncio.timeout(timeout):
                while not (self._ahead or self._ended):
                    await self._something()
        except TimeoutError:
            return False
        return bool(self._ahead)

    async def _serve_socks(self) -> bool:
        """The handshake, then what it asks for: bytes both ways, or requests served here."""
        handshake = ServerHandshake()
        try:
            async with asyncio.timeout(HEAD_S):
                await self._shake_hands(handshake)
        except Denied as denied:
            self.write(denied.answer)
            return False
        except TimeoutError:
            return False
        if not handshake.done:
            return False
        place = f"{handshake.host}:{handshake.port}"
        head = RequestHead((), {}, 1, "SOCKS", place)
        with self._server.serving(self, head):
            return await self._connect_socks(handshake.host, handshake.port)

    async def _shake_hands(self, handshake: ServerHandshake) -> None:
        while not handshake.done and await self._something_there(HEAD_S):
            taken = bytes(self._ahead)
            self._consume(len(taken))
            if answer := handshake.receive(taken):
                self.write(answer)
        self._ahead[:0] = handshake.rest

    async def _connect_socks(self, host: str, port: int) -> bool:
        decision = await self._gateway.connect(host.rstrip(".").lower(), port, PLAIN)
        match decision:
            case Answer():
                self.status = decision.status
                self.write(socks_server.reply(_code_of(decision.status)))
                return False
            case Here():
                self.status, self._speech = 200, Speech.HTTP
                self.write(socks_server.reply(socks_server.OK))
                return True
            case Raw():
                return await self._tunnel(decision)

    async def _tunnel(self, decision: Raw) -> bool:
        established = socks_server.reply(socks_server.OK)
        tunnel = self.exchange = Tunnel(self, decision, self.client, established=established)
        try:
            return await self._follow(tunnel)
        except (NotReady, SessionLost):
            self.write(socks_server.reply(socks_server.HOST_UNREACHABLE))
        except KfwdError:
            self.write(socks_server.reply(socks_server.FAILED))
        return False


def _code_of(status: int) -> int:
    """The SOCKS reply that says what an HTTP status does."""
    if status in (403, 501):
        return socks_server.NOT_ALLOWED
    return socks_server.REFUSED if status == 404 else socks_server.FAILED
