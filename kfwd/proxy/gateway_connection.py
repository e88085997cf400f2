"""A client of the gateway: HTTP or SOCKS5, as its first byte says."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from kfwd.errors import KfwdError, NotReady, SessionLost
from kfwd.proxy.connection import HEAD_S, IDLE_S, HttpConnection
from kfwd.proxy.decision import Answer, Decision, Here, page
from kfwd.proxy.exchange import End
from kfwd.proxy.gateway import Gateway, RawTo, Through
from kfwd.proxy.gateway_pages import Wording
from kfwd.proxy.tunnel import ESTABLISHED, Tunnel
from kfwd.resolve.names import ToPod, ToService
from kfwd.wire import socks_server
from kfwd.wire.first_bytes import Speech, is_request, speech
from kfwd.wire.http1 import RequestHead
from kfwd.wire.http1_body import Body
from kfwd.wire.socks_server import Denied, ServerHandshake

if TYPE_CHECKING:
    from kfwd.proxy.server import HttpServer

SPEAKS_FIRST_S = 0.02
"""How long a client is given to speak before the server may."""

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
            self._idle = True
            there = await self._something_there(IDLE_S)
            self._idle = False
            if not there:
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
            case RawTo():
                return await self._tunnel_socks(decision)

    async def _tunnel_socks(self, decision: RawTo) -> bool:
        try:
            return await self._tunnel(decision, socks_server.reply(socks_server.OK))
        except (NotReady, SessionLost):
            self.write(socks_server.reply(socks_server.HOST_UNREACHABLE))
        except KfwdError:
            self.write(socks_server.reply(socks_server.FAILED))
        return False

    async def _carry_out(self, decision: Decision, head: RequestHead, body: Body) -> bool:
        if not isinstance(decision, RawTo):
            return await super()._carry_out(decision, head, body)
        try:
            return await self._tunnel(decision, ESTABLISHED)
        except KfwdError as error:
            return await self._answer(head, decision.failed(error), unread=True)

    async def _tunnel(self, decision: RawTo, established: bytes) -> bool:
        """Bytes both ways; a client that speaks HTTP gets a look at each request instead.

        A browser with a proxy asks like this for what its pages want, of whatever site they are.
        """
        await decision.upstreams.connect(self.client, fresh=True)  # begins with its first use
        self.status = 200
        self.write(established)
        if await self._something_there(SPEAKS_FIRST_S) and is_request(self._ahead):
            return self._serve_through(decision.place)
        tunnel = self.exchange = GuardedTunnel(self, decision, self.client, established=b"")
        ends = await self._follow(tunnel)
        return self._serve_through(decision.place) if tunnel.is_http else ends

    def _serve_through(self, place: ToService | ToPod) -> bool:
        self._speech = Speech.HTTP
        self.client = Through(self.client.address, self.client.listen, place)
        return True


class GuardedTunnel(Tunnel):
    """Gives up when its client turns out to speak HTTP."""

    is_http = False
    _first = True

    def client_data(self, data: memoryview) -> int:
        first, self._first = self._first, False
        if first and is_request(data):
            self.is_http = True
            self._finish(End.KEEP)
        return 0 if self.is_http else super().client_data(data)


def _code_of(status: int) -> int:
    """The SOCKS reply that says what an HTTP status does."""
    if status in (403, 501):
        return socks_server.NOT_ALLOWED
    return socks_server.REFUSED if status == 404 else socks_server.FAILED
