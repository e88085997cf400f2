"""The life of one client's connection: requests one after another, each decided on, then served."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
from collections.abc import AsyncGenerator
from email.utils import formatdate
from typing import TYPE_CHECKING

from msgspec import Struct

from kfwd.errors import HttpError, KfwdError
from kfwd.front.connection import ends
from kfwd.front.local import LocalSocket
from kfwd.proxy.decision import Answer, Decision, Forward, Here, Part, Raw, page, reason
from kfwd.proxy.exchange import End, Exchange
from kfwd.proxy.prompt import Prompt
from kfwd.proxy.tunnel import ESTABLISHED, Tunnel
from kfwd.proxy.upstream import Client
from kfwd.wire import http1, http1_body
from kfwd.wire.http1 import HeadReader, RequestHead
from kfwd.wire.http1_body import Body

if TYPE_CHECKING:
    from kfwd.proxy.server import HttpServer

IDLE_S = 300.0
"""How long a client may keep a connection without a request."""

HEAD_S = 20.0
"""How long a request's head may take from its first byte on."""

AHEAD_MAX = 64 * 1024
"""Bytes of a client taken before their turn."""

KNOWN_MAX = 8 * 1024
"""Bytes of a head that is remembered."""

FILE_PIECE = 256 * 1024


class Asked(Struct, frozen=True):
    """A request: its head, as it came and read, and what is decided on it, where that is known."""

    data: bytes
    head: RequestHead
    decision: Decision | None = None


class ClientGone(Exception):
    """The client closed or reset its side; nobody is left to serve."""


class HttpConnection:
    """An accepted socket. `run` is its life; cancelling that resets the socket.

    `received` bytes went to the client, `sent` came from it; `status` is the last answer's.
    """

    def __init__(self, server: HttpServer, sock: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()  # asking for it is a call of the kernel
        self.client = Client(*ends(sock))
        self.since = self._loop.time()
        self.received = 0
        self.sent = 0
        self.status = 0
        self.exchange: Exchange | Tunnel | None = None
        self._server = server
        self._sock = sock
        self._local = LocalSocket(sock, self)
        self._reader = HeadReader()
        self._known: Asked | None = None  # the last request on which is decided for good
        self._ahead = bytearray()
        self._takes = False  # whether the exchange takes the client's bytes
        self._held = False
        self._full = False
        self._ended = False
        self._idle = True  # nothing of a request was read
        self._prompt = Prompt()
        self.rest = self._prompt.rest
        self.stir = self._prompt.stir
        self._deadline = math.inf
        self._late = False
        self._timer: asyncio.TimerHandle | None = None
        self._closed: asyncio.Future[None] = self._loop.create_future()

    @property
    def keeps(self) -> bool:
        return not (self._server.left or self._server.paused)

    async def run(self) -> None:
        await self._prompt.run(self._live())

    async def _live(self) -> None:
        try:
            refusal = await self._server.refusal(self._sock)
            self._idle = False
            if refusal is not None:
                await self._answer(None, refusal)
            else:
                self._local.resume_reading()
                while await self._serve():
                    pass
            self._local.finish()
            await self._closed
        except ClientGone:
            pass
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._local.abort()

    def release(self) -> socket.socket | None:
        """The client's socket, while it is between two requests."""
        if self._idle and not (self._ahead or self._ended or self._local.buffered):
            return self._local.release()
        return None

    def leave(self) -> None:
        """Serve no further request: end now, or after the one that is served."""
        self.stir()

    def abort(self) -> None:
        """Reset the client's side, unless it has ended."""
        self._local.abort()

    async def _serve(self) -> bool:
        """Serve one request; whether another one may follow."""
        try:
            asked = await self._next()
            if asked is None:
                return False
            head, body = asked.head, http1_body.of_request(asked.head)
            decision = asked.decision or await self._decide(asked)
        except HttpError as error:
            return await self._answer(None, page(error.status, error.text, close=True))
        with self._server.serving(self, head):
            keep = await self._carry_out(decision, head, body)
        self.exchange = None
        return keep

    async def _decide(self, asked: Asked) -> Decision:
        if asked.head.get("expect").lower() not in ("", "100-continue"):
            raise HttpError("this expectation cannot be met", status=417)
        decision = await self._server.handler.decide(asked.head, self.client)
        lasting = isinstance(decision, Forward) and decision.lasting
        if lasting and len(asked.data) <= KNOWN_MAX:
            self._known = Asked(asked.data, asked.head, decision)
        return decision

    async def _carry_out(self, decision: Decision, head: RequestHead, body: Body) -> bool:
        client = self.client
        match decision:
            case Answer():
                return await self._answer(head, decision, unread=not body.done)
            case Here():
                self.status = 200
                self.write(ESTABLISHED)
                return True
            case Forward():
                self.exchange = Exchange(self, head, body, decision, client)
            case Raw():
                self.exchange = Tunnel(self, decision, client)
        try:
            return await self._follow(self.exchange)
        except KfwdError as error:
            return await self._answer(head, failure(decision, error), unread=True)

    async def _follow(self, exchange: Exchange | Tunnel) -> bool:
        """Have an exchange take place. Raises the `KfwdError` for which there is no answer."""
        try:
            end = await exchange.run()
        finally:
            self._takes = False
            self.resume_reading()
        if end is End.GONE:
            raise ClientGone
        if end is End.CUT:
            self._server.counters.failed += 1
            self._local.reset()
            await self._closed
            raise ClientGone
        return end is End.KEEP

    async def _next(self) -> Asked | None:
        """The next request; None when the client ends, or has none for long.

        One that takes no answers has to take some before the next one is made.
        """
        await self._room()
        idle, due = True, self._loop.time() + IDLE_S
        while True:
            if self._ahead and (asked := self._read()) is not None:
                return asked
            if self._ended or (self._server.left and self._reader.empty):
                return None
            if idle and not self._reader.empty:
                idle, due = False, self._loop.time() + HEAD_S
            self._idle = idle
            in_time = await self._something_by(due)
            self._idle = False
            if not in_time:
                if idle:
                    return None
                raise HttpError("the request took too long", status=408)

    def _read(self) -> Asked | None:
        """A request whose head has come. The same head again is the same request again."""
        used = self._reader.feed(self._ahead)
        self._consume(len(self._ahead) if used is None else used)
        if used is None:
            return None
        data, known = self._reader.take(), self._known
        if known is not None and known.data == data:
            return known
        return Asked(data, http1.parse_request(data))

    async def _answer(
        self, head: RequestHead | None, answer: Answer, *, unread: bool = False
    ) -> bool:
        """Send an answer of our own; whether another request may follow."""
        self.status = answer.status
        size = answer.body.size if isinstance(answer.body, Part) else len(answer.body)
        keep = head is not None and head.persistent and self.keeps
        keep = keep and not (answer.close or unread)
        lines = [*answer.lines, ("Date", formatdate(usegmt=True)), ("Content-Length", str(size))]
        if not keep:
            lines.append(("Connection", "close"))
        elif head is not None and head.minor == 0:
            lines.append(("Connection", "keep-alive"))
        self.write(http1.encode_response(answer.status, reason(answer.status), lines))
        if head is None or head.method != "HEAD":
            await self._send(answer.body)
        if self._ahead:
            await asyncio.sleep(0)  # thousands may be asked for at once: others have their turns
        return keep

    async def _send(self, body: bytes | Part) -> None:
        if isinstance(body, bytes):
            self.write(body)
            return
        async with contextlib.aclosing(pieces(body)) as parts:
            async for piece in parts:
                self.write(piece)
                await self._room()

    async def _room(self) -> None:
        """Wait until the client has taken most of what was written."""
        while self._full:
            await self._something()

    async def _something(self) -> None:
        """Wait until bytes came or went, or the client did."""
        if not self._closed.done():
            await self.rest()
        if self._closed.done():
            raise ClientGone

    async def _something_by(self, due: float) -> bool:
        """Whether something happens in time. One timer serves many waits: each request has some."""
        self._deadline, self._late = due, False
        if self._timer is None or self._timer.when() > self._deadline:
            self._arm()
        await self._something()
        self._deadline = math.inf
        return not self._late

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._expire)

    def _expire(self) -> None:
        """The time of some wait is over, perhaps that of the one going on."""
        self._timer = None
        if self._loop.time() >= self._deadline:
            self._late = True
            self.stir()
        elif self._deadline < math.inf:
            self._arm()

    def _consume(self, count: int) -> None:
        full = len(self._ahead) >= AHEAD_MAX
        del self._ahead[:count]
        if full:
            self._pace()

    def _pace(self) -> None:
        """Read from the client, or leave it waiting."""
        if self._held or len(self._ahead) >= AHEAD_MAX:
            self._local.pause_reading()
        elif not self._ended:
            self._local.resume_reading()

    def began(self) -> None:
        self._takes = True
        if self._ahead:
            ahead = bytes(self._ahead)
            self._ahead.clear()
            self._give(memoryview(ahead))
            self._pace()
        if self._ended and self.exchange is not None:
            self.exchange.client_ended()

    def write(self, data: bytes | memoryview) -> None:
        self.received += len(data)
        self._server.counters.received += len(data)
        self._local.write(memoryview(data))

    def pause_reading(self) -> None:
        self._held = True
        self._pace()

    def resume_reading(self) -> None:
        self._held = False
        self._pace()

    def local_data(self, data: memoryview) -> None:
        self.sent += len(data)
        self._server.counters.sent += len(data)
        self._give(data)
        self.stir()

    def _give(self, data: memoryview) -> None:
        """To the exchange what is its own, the rest is kept for later."""
        if self._takes and self.exchange is not None:
            try:
                data = data[self.exchange.client_data(data) :]
            except HttpError as error:
                self.exchange.client_failed(error)
        if data:
            self._ahead += data
            if len(self._ahead) >= AHEAD_MAX:
                self._pace()

    def local_eof(self) -> None:
        self._ended = True
        if self.exchange is not None:
            self.exchange.client_ended()
        self.stir()

    def local_lost(self, error: OSError) -> None:
        self._ended = True
        if self.exchange is not None:
            self.exchange.client_gone()

    def local_full(self) -> None:
        self._full = True
        if self.exchange is not None:
            self.exchange.client_full()

    def local_drained(self) -> None:
        self._full = False
        if self.exchange is not None:
            self.exchange.client_drained()
        self.stir()

    def local_closed(self) -> None:
        if not self._closed.done():
            self._closed.set_result(None)
        self.stir()


def failure(decision: Forward | Raw, error: KfwdError) -> Answer:
    """What is said when there is no answer: a client's fault is not the server's."""
    if isinstance(error, HttpError) and error.status < 500:
        return page(error.status, error.text)
    return decision.failed(error)


async def pieces(part: Part) -> AsyncGenerator[bytes, None]:
    """A part of a file, read in a thread a piece at a time. Raises `OSError` if it is cut short."""
    left = part.size
    file = await asyncio.to_thread(part.path.open, "rb")
    try:
        await asyncio.to_thread(file.seek, part.offset)
        while left:
            data = await asyncio.to_thread(file.read, min(left, FILE_PIECE))
            if not data:
                raise OSError(f"{part.path} became shorter while it was sent")
            left -= len(data)
            yield data
    finally:
        file.close()
