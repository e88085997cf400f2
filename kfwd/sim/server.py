"""HTTP around the API: aiohttp for requests and watches, the front for connections."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web
from msgspec import Struct

from kfwd.sim import proxy_upgrade
from kfwd.sim.admin import Admin
from kfwd.sim.api import Api
from kfwd.sim.exchange import Answer, WatchAnswer, error_answer
from kfwd.sim.faults import Faults
from kfwd.sim.front import PORTFORWARD, Front, Head, peercert
from kfwd.sim.logs import LogAnswer
from kfwd.sim.portforward import PortForward
from kfwd.sim.proxy import Asked, Proxy, expect_continue
from kfwd.sim.proxy_target import is_proxied
from kfwd.sim.read import expired_line
from kfwd.sim.status import StatusError
from kfwd.sim.upgrade import UpgradeRequest

BOOKMARK_S = 60.0
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
BODY_LIMIT = 16 * 1024 * 1024
_WATCH_HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-cache, private"}


class Backend(Struct, frozen=True, kw_only=True):
    """What both listeners serve from."""

    api: Api
    admin: Admin
    portforward: PortForward
    proxy: Proxy
    faults: Faults


class Server:
    """One listener. The admin listener is one that no fault touches."""

    def __init__(self, backend: Backend, tls: ssl.SSLContext, *, faulty: bool) -> None:
        self._backend = backend
        self._faulty = faulty
        self._http = web.Server(self._handle, handler_cancellation=True, access_log=None)
        faults = backend.faults if faulty else None
        self._front = Front(tls, self._http, self._stream, faults)

    def listen(self, host: str, port: int) -> int:
        return self._front.listen(host, port)

    async def close(self) -> None:
        """End every connection, requests under way included."""
        self._http.pre_shutdown()
        await self._front.close()
        await self._http.shutdown(timeout=0.3)

    async def _stream(
        self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """A request that takes its connection: the API's refusals here, the rest is the node's."""
        await self._thawed()
        try:
            if not PORTFORWARD.match(head.target):
                await self._upgrade(head, reader, writer)
                return
            pod = self._backend.api.portforward_pod(
                head.method, head.target, head.lowered(), peercert(writer.transport)
            )
        except StatusError as error:
            writer.write(raw_answer(error_answer(error)))
            await writer.drain()
            return
        path, _, query = head.target.partition("?")
        request = UpgradeRequest(head.method, path, parse_qs(query), head.headers)
        await self._backend.portforward.serve(request, reader, writer, pod)

    async def _upgrade(
        self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        asked = self._asked(head.method, head.target, head.lowered(), writer.transport)
        await proxy_upgrade.serve(
            self._backend.proxy, asked, head.method, head.headers, (reader, writer)
        )

    def _asked(self, method: str, target: str, headers: Mapping[str, str], transport: Any) -> Asked:
        """Where a proxied request goes. Raises StatusError."""
        info = self._backend.api.proxied(method, target, headers, peercert(transport))
        impersonated = "impersonate-user" in headers
        return self._backend.proxy.asked(method, target, info, impersonated=impersonated)

    async def _proxy(self, request: web.BaseRequest) -> web.StreamResponse:
        """A request to a `proxy` subresource; one that upgrades takes its connection along."""
        if proxy_upgrade.is_upgrade(list(request.headers.items())):
            return await self._hand_over(request)
        await self._thawed()
        try:
            asked = self._asked(
                request.method, request.raw_path, _lowered(request), request.transport
            )
            return await self._backend.proxy.serve(request, asked)
        except StatusError as error:
            return _response(error_answer(error))

    async def _thawed(self) -> None:
        faults = self._backend.faults
        if self._faulty:
            await faults.until(lambda: not faults.says_nothing)

    async def _hand_over(self, request: web.BaseRequest) -> web.StreamResponse:
        """A request that takes the connection it came on: aiohttp lets go of it."""
        transport, protocol = request.transport, request.protocol
        assert transport is not None
        pairs = [(name.decode("latin-1"), v.decode("latin-1")) for name, v in request.raw_headers]
        head = Head(request.method, request.raw_path, tuple(pairs))
        # To aiohttp the client is gone, which ends this handler; it must not close the transport.
        protocol.transport = None
        protocol.connection_lost(None)
        self._front.stream(transport, head, b"")
        await asyncio.sleep(0)
        return web.Response()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if _BAD_ESCAPE.search(request.raw_path.partition("?")[0]):
            return _bad_path()
        if PORTFORWARD.match(request.raw_path):
            return await self._hand_over(request)
        if is_proxied(request.raw_path):
            return await self._proxy(request)
        headers = _lowered(request)
        certificate = peercert(request.transport)
        try:
            body = await _body(request)
            if request.path.startswith("/sim/"):
                user = self._backend.api.user(headers, certificate, faulty=self._faulty)
                return _response(
                    self._backend.admin.answer(user, request.method, request.path, body)
                )
            await self._thawed()
            answer = self._backend.api.answer(
                request.method,
                request.raw_path,
                headers,
                certificate,
                body,
                faulty=self._faulty,
            )
        except StatusError as error:
            return _response(error_answer(error))
        if isinstance(answer, WatchAnswer):
            return await self._watch(request, answer)
        if isinstance(answer, LogAnswer):
            return await _log(request, answer)
        return _response(answer)

    async def _watch(self, request: web.BaseRequest, answer: WatchAnswer) -> web.StreamResponse:
        store = self._backend.api.store
        response = web.StreamResponse(headers=_WATCH_HEADERS)
        response.enable_chunked_encoding()
        try:
            await response.prepare(request)
            await self._send_changes(response, answer)
            await response.write_eof()
        except ConnectionError:
            # The client left, which is how most watches end.
            pass
        finally:
            store.unwatch(answer.resource.name, answer.watcher)
        return response

    async def _send_changes(self, response: web.StreamResponse, answer: WatchAnswer) -> None:
        """The stream's lines until its time is up, the client leaves, or history is gone."""
        store, faults, watcher = self._backend.api.store, self._backend.faults, answer.watcher
        if faults.ends_watches:
            watcher.end(expired=True)
        if answer.first:
            await response.write(b"".join(answer.first))
        loop = asyncio.get_running_loop()
        end = None if answer.timeout_s is None else loop.time() + answer.timeout_s
        while True:
            pause = loop.time() + BOOKMARK_S
            until = pause if end is None else min(end, pause)
            try:
                async with asyncio.timeout_at(until):
                    change = await watcher.next()
            except TimeoutError:
                # A bookmark says that everything up to its version was sent.
                if answer.bookmark is not None and not watcher.waiting:
                    await response.write(answer.bookmark(store.version))
                if end is not None and loop.time() >= end:
                    return
                continue
            await self._thawed()
            if change is not None:
                await response.write(answer.line(change))
            else:
                if watcher.expired:
                    await response.write(expired_line(store, watcher))
                return


async def _log(request: web.BaseRequest, answer: LogAnswer) -> web.StreamResponse:
    """Lines as they are written, until the container ends or the client leaves."""
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    response.enable_chunked_encoding()
    try:
        await response.prepare(request)
        async for chunk in answer.chunks():
            await response.write(chunk)
        await response.write_eof()
    except ConnectionError:
        # The client has seen enough.
        pass
    return response


def _bad_path() -> web.Response:
    """What Go's server says to a path it cannot decode; the connection ends with it."""
    response = web.Response(text="400 Bad Request", status=400)
    response.force_close()
    return response


def _lowered(request: web.BaseRequest) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found


async def _body(request: web.BaseRequest) -> bytes:
    """The whole body. Raises 413."""
    body = bytearray()
    expect_continue(request)
    async for chunk in request.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > BODY_LIMIT:
            raise StatusError(413, "RequestEntityTooLarge", "the request is too large")
    return bytes(body)


def _response(answer: Answer) -> web.Response:
    headers = {**answer.headers, "Content-Type": answer.content_type}
    return web.Response(body=answer.body, status=answer.code, headers=headers)


def raw_answer(answer: Answer) -> bytes:
    """An answer as bytes, for a connection that aiohttp does not have. It ends there."""
    headers: Mapping[str, str] = {
        **answer.headers,
        "Content-Type": answer.content_type,
        "Content-Length": str(len(answer.body)),
        "Connection": "close",
    }
    reason = HTTPStatus(answer.code).phrase
    lines = [f"HTTP/1.1 {answer.code} {reason}", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body
