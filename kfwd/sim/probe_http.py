"""The probe's HTTP port (design section 10)."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from kfwd.sim.pattern import blocks
from kfwd.sim.podlog import PodLog
from kfwd.sim.probe_tcp import Work

HTTP_PORT = 8080
SSE_EVERY_S = 0.2
MAX_SLOW_S = 600.0
KILL_S = 0.01

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_PAGE = """<!doctype html>
<title>{name}</title>
<p>This is {name}.</p>
<p><a href="/headers">an absolute link</a> <a href="redirect">a relative link</a></p>
"""


class HttpProbe:
    """Answers requests; `server` is the factory of its connections' protocols."""

    def __init__(self, name: str, work: Work, log: PodLog) -> None:
        self._name = name
        self._work = work
        self._log = log
        self._sockets: set[web.WebSocketResponse] = set()
        self.server = web.Server(self._handle, access_log=None, handler_cancellation=True)
        self._routes: dict[str, Handler] = {
            "/sha": self._sha,
            "/sse": self._sse,
            "/slow": self._slow,
            "/headers": self._headers,
            "/html": self._html,
            "/redirect": self._redirect,
            "/ws": self._websocket,
        }

    async def end_websockets(self) -> None:
        """Close WebSockets as a server that is going away: they have no last message."""
        await asyncio.gather(
            *(socket.close(code=WSCloseCode.GOING_AWAY) for socket in self._sockets)
        )

    async def kill(self) -> None:
        """Close every connection. aiohttp takes a time of 0 for no limit, hence `KILL_S`."""
        await self.server.shutdown(KILL_S)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self._work.begin()
        try:
            route = self._bytes if request.path.startswith("/bytes/") else None
            self._log.write(f"{request.method} {request.path_qs} from {request.remote}")
            response = await (route or self._routes.get(request.path, self._plain))(request)
            await response.prepare(request)
            await response.write_eof()
        except ConnectionError:
            # The client left in the middle of an answer; nobody is there to be told.
            return web.Response()
        finally:
            self._work.end()
        return response

    def _dress(self, response: web.StreamResponse) -> None:
        response.headers["X-Pod"] = self._name
        if self._work.ending.is_set():
            response.force_close()

    def _text(self, text: str, kind: str = "text/plain", status: int = 200) -> web.Response:
        response = web.Response(text=text, content_type=kind, status=status)
        self._dress(response)
        return response

    async def _plain(self, request: web.BaseRequest) -> web.Response:
        return self._text(f"pod={self._name} path={request.path_qs} host={request.host}")

    async def _headers(self, request: web.BaseRequest) -> web.Response:
        return self._text(json.dumps(dict(request.headers)), "application/json")

    async def _html(self, request: web.BaseRequest) -> web.Response:
        return self._text(_PAGE.format(name=self._name), "text/html")

    async def _redirect(self, request: web.BaseRequest) -> web.Response:
        response = self._text("", status=302)
        response.headers["Location"] = "/html"
        return response

    async def _slow(self, request: web.BaseRequest) -> web.Response:
        asked = request.query.get("ms", "1000")
        if not asked.isdigit():
            return self._text("ms must be a number\n", status=400)
        await asyncio.sleep(min(int(asked) / 1000, MAX_SLOW_S))
        return await self._plain(request)

    async def _sha(self, request: web.BaseRequest) -> web.Response:
        count, digest = 0, hashlib.sha256()
        async for chunk in request.content.iter_any():
            count += len(chunk)
            digest.update(chunk)
        return self._text(f"{count} {digest.hexdigest()}\n")

    async def _bytes(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = request.path.removeprefix("/bytes/")
        if not asked.isdigit():
            return self._text("the length must be a number\n", status=400)
        response = web.StreamResponse()
        response.content_type = "application/octet-stream"
        response.content_length = int(asked)
        self._dress(response)
        await response.prepare(request)
        if request.method != "HEAD":
            for block in blocks(int(asked)):
                await response.write(block)
        await response.write_eof()
        return response

    async def _sse(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = "text/event-stream"
        self._dress(response)
        await response.prepare(request)
        number = 0
        while not self._work.ending.is_set():
            await response.write(f"id: {number}\ndata: pod={self._name} n={number}\n\n".encode())
            number += 1
            await self._ends_within(SSE_EVERY_S)
        await response.write_eof()
        return response

    async def _ends_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._work.ending.wait()
        except TimeoutError:
            return False
        return True

    async def _websocket(self, request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(compress=False)
        if not socket.can_prepare(request):
            return self._text("a WebSocket is served here\n", status=426)
        socket.headers["X-Pod"] = self._name
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            async for message in socket:
                await self._echo(socket, message)
        finally:
            self._sockets.discard(socket)
        return socket

    async def _echo(self, socket: web.WebSocketResponse, message: WSMessage) -> None:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
