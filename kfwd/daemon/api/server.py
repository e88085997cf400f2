"""HTTP on the control socket: checks who calls, decodes, calls the route's handler, encodes."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec
from aiohttp import web

from kfwd import __version__, decoding
from kfwd.api_model import VERSION_HEADER, ErrorBody, ErrorDetail
from kfwd.daemon.adhoc import NameTaken
from kfwd.daemon.api.guard import peer_uid, refusal
from kfwd.daemon.api.route import JSON, JSON_LINES, Call, Route
from kfwd.errors import (
    NOT_JSON,
    ConfigError,
    Forbidden,
    KfwdError,
    LoginNeeded,
    NotFound,
    ProfileInvalid,
    UnknownContext,
    UsageError,
)

if TYPE_CHECKING:
    from kfwd.daemon.daemon import Daemon

log = logging.getLogger(__name__)

SHUTDOWN_S = 2.0
_STATUS: tuple[tuple[type[KfwdError], int], ...] = (
    (NameTaken, 409),
    (UsageError, 400),
    (UnknownContext, 404),
    (ConfigError, 400),
    (ProfileInvalid, 422),
    (LoginNeeded, 403),
    (Forbidden, 403),
    (NotFound, 404),
)
_encode = msgspec.json.Encoder().encode
_AnyHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """The control API on a bound socket, until `close()`."""

    def __init__(self, daemon: Daemon, routes: Iterable[Route]) -> None:
        app = web.Application(middlewares=[_errors, _guarded])
        app.on_response_prepare.append(_mark)
        for route in routes:
            app.router.add_route(route.method, route.path, _Endpoint(daemon, route).handle)
        self._runner = web.AppRunner(
            app, handler_cancellation=True, shutdown_timeout=SHUTDOWN_S, access_log=None
        )
        self._site: web.SockSite | None = None

    async def prepare(self) -> None:
        await self._runner.setup()

    async def start(self, control: socket.socket) -> None:
        """Accept on a copy of `control`, after `prepare`."""
        self._listening = control.dup()
        self._site = web.SockSite(self._runner, self._listening)
        await self._site.start()

    async def pause(self) -> None:
        """Accept nothing until the next `start`; who connects waits."""
        if self._site is not None:
            # asyncio drops who was accepted in this turn of the loop if its server closes in it.
            asyncio.get_running_loop().remove_reader(self._listening)
            await asyncio.sleep(0)
            await self._site.stop()
            self._site = None

    async def close(self) -> None:
        """Stop accepting, end the streams, let short requests finish within `SHUTDOWN_S`."""
        await self._runner.cleanup()


class _Endpoint:
    """One route, bound to a daemon."""

    def __init__(self, daemon: Daemon, route: Route) -> None:
        self._daemon = daemon
        self._route = route

    async def handle(self, request: web.Request) -> web.StreamResponse:
        route = self._route
        call = Call(
            self._daemon,
            dict(request.match_info),
            decode_query(request, route.query),
            await decode_body(request, route.body),
            lambda: _abort(request),
        )
        self._daemon.changes.check()  # only now: it may be replaced while a request is read
        result = route.handler(call)
        if isinstance(result, AsyncGenerator):
            return await _stream(request, result)
        answer = await result
        body = answer.encode() if isinstance(answer, str) else _encode(answer)
        return web.Response(body=body, headers={"Content-Type": route.media})


def decode_query(request: web.BaseRequest, shape: type[msgspec.Struct]) -> Any:
    """The query as a record; a field that is a tuple takes every value of its name."""
    many = {name for name, hint in get_type_hints(shape).items() if "tuple" in str(hint)}
    query = request.query
    raw = {name: query.getall(name) if name in many else query[name] for name in query}
    try:
        return decoding.convert(raw, shape, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"the query cannot be understood: {error}", code="bad-request") from None


async def decode_body(request: web.BaseRequest, shape: type[msgspec.Struct]) -> Any:
    try:
        return decoding.decode(await request.read() or b"{}", shape)
    except NOT_JSON as error:
        raise UsageError(f"the body cannot be understood: {error}", code="bad-request") from None


async def _stream(request: web.Request, lines: AsyncGenerator[Any, None]) -> web.StreamResponse:
    """Send records as they come, None as an empty line. A failure before the first is an answer."""
    response = web.StreamResponse(headers={"Content-Type": JSON_LINES})
    try:
        first = await anext(lines, None)
        await response.prepare(request)
        if first is not None:
            await response.write(_encode(first) + b"\n")
        async for line in lines:
            await response.write(b"\n" if line is None else _encode(line) + b"\n")
    finally:
        await lines.aclose()
    return response


def _abort(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()


async def _mark(request: web.Request, response: web.StreamResponse) -> None:
    response.headers[VERSION_HEADER] = __version__


@web.middleware
async def _guarded(request: web.Request, handler: _AnyHandler) -> web.StreamResponse:
    assert request.transport is not None
    peer = peer_uid(request.transport.get_extra_info("socket"))
    why = refusal(request.headers, peer, os.getuid())
    if why is not None:
        return _failure(403, ErrorDetail(code="refused", text=why))
    return await handler(request)


@web.middleware
async def _errors(request: web.Request, handler: _AnyHandler) -> web.StreamResponse:
    """Every failure leaves as an `ErrorBody`."""
    try:
        return await handler(request)
    except KfwdError as error:
        return _failure(status_of(error), detail(error))
    except web.HTTPException as error:
        text = f"{request.method} {request.path}: {error.reason}"
        return _failure(error.status, ErrorDetail(code="bad-request", text=text))
    except ConnectionResetError:
        raise
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        text = "the daemon failed over this request; its log says how"
        return _failure(500, ErrorDetail(code="internal-error", text=text))


def detail(error: KfwdError) -> ErrorDetail:
    return ErrorDetail(
        code=error.code, text=error.text, hint=error.hint, exit_code=int(error.exit_code)
    )


def status_of(error: KfwdError) -> int:
    """The HTTP status of an error; what is not the caller's fault is 500."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def _failure(status: int, error: ErrorDetail) -> web.Response:
    return web.Response(
        status=status, body=_encode(ErrorBody(error)), headers={"Content-Type": JSON}
    )
