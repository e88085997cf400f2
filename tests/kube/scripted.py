"""An API server that answers as a test's script says, over real HTTP on loopback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer

from kfwd.kube.api import Api
from kfwd.kube.connect import Server
from kfwd.kube.credentials import Credentials
from kfwd.kube.exchange import Report, unreported
from kfwd.kube.kubeconfig import Cluster, Context, User
from kfwd.model import ContextRef

PATIENCE_S = 5.0
Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


def pod(name: str, version: int = 1, **meta: Any) -> dict[str, Any]:
    uid = f"uid-{name}"
    meta = {"name": name, "namespace": "shop", "uid": uid, "resourceVersion": str(version)} | meta
    return {"metadata": meta}


def answer(
    status: int, body: object = b"", content_type: str = "application/json", **headers: str
) -> Reply:
    """A whole answer; a body that is not bytes is sent as JSON, `Retry_After` as `Retry-After`."""
    payload = body if isinstance(body, bytes) else msgspec.json.encode(body)
    named = {key.replace("_", "-"): value for key, value in headers.items()}

    async def reply(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=payload, content_type=content_type, headers=named)

    return reply


def failure(status: int, message: str, reason: str = "") -> Reply:
    """An error as the API server sends it: a Status."""
    return answer(status, status_object(status, message, reason))


def status_object(code: int, message: str, reason: str = "") -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }


def listed(version: int, *items: object, token: str = "") -> Reply:
    meta = {"resourceVersion": str(version)} | ({"continue": token} if token else {})
    return answer(200, {"kind": "List", "metadata": meta, "items": items})


def event(kind: str, item: object) -> bytes:
    return msgspec.json.encode({"type": kind, "object": item}) + b"\n"


def bookmark(version: int) -> bytes:
    return event("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": str(version)}})


def expired() -> bytes:
    return event("ERROR", status_object(410, "too old resource version: 1 (9)", "Expired"))


def events(*chunks: bytes, stay: bool = False, cut: bool = False) -> Reply:
    """A watch that sends `chunks`, then ends; `stay`: hangs on; `cut`: breaks off."""

    async def reply(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        if cut:
            assert request.transport is not None
            request.transport.abort()
        if stay:
            await asyncio.Event().wait()
        return response

    return reply


async def silence(request: web.Request) -> web.StreamResponse:
    """Never an answer."""
    await asyncio.Event().wait()
    raise AssertionError


async def cut_off(request: web.Request) -> web.StreamResponse:
    """The connection ends before an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def what(request: web.Request) -> str:
    """What is asked for: `list` (of pods), `watch`, `list a` and `watch a` (of that name alone),
    `get a`, else the last part of the path.
    """
    parts = request.path.strip("/").split("/")
    field = request.query.get("fieldSelector", "").removeprefix("metadata.name=")
    one = f" {field}" if field else ""
    if request.query.get("watch"):
        return "watch" + one
    if "namespaces" in parts and len(parts) > parts.index("namespaces") + 3:
        return f"get {parts[-1]}"
    return ("list" if parts[-1] == "pods" else parts[-1]) + one


class ScriptedServer:
    """Answers each request with the next reply scripted for what it asks; the last one stays.

    Without a script a watch hangs and everything else is refused with 599.
    """

    def __init__(self, **script: list[Reply] | Reply) -> None:
        self.script: dict[str, list[Reply]] = {}
        self.requests: list[web.Request] = []
        self.times: list[float] = []
        self._arrived = asyncio.Condition()
        self.http = TestServer(self._app())
        for key, replies in script.items():
            self.on(key, *(replies if isinstance(replies, list) else [replies]))

    def on(self, asked: str, *replies: Reply) -> None:
        self.script[asked] = list(replies)

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        return app

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        async with self._arrived:
            self.requests.append(request)
            self.times.append(time.monotonic())
            self._arrived.notify_all()
        replies = self.script.get(what(request))
        if replies:
            return await (replies.pop(0) if len(replies) > 1 else replies[0])(request)
        if what(request).startswith("watch"):
            return await events(stay=True)(request)
        return web.Response(status=599, text=f"no script for {what(request)}")

    @property
    def asked(self) -> list[str]:
        return [what(request) for request in self.requests]

    def asking(self, asked: str) -> list[web.Request]:
        return [request for request in self.requests if what(request) == asked]

    async def seen(self, asked: str, times: int = 1) -> list[web.Request]:
        """Wait until it was asked `times` times."""
        async with asyncio.timeout(PATIENCE_S), self._arrived:
            await self._arrived.wait_for(lambda: len(self.asking(asked)) >= times)
        return self.asking(asked)

    def context(self, *, token: str = "secret", prefix: str = "") -> Context:
        url = f"http://127.0.0.1:{self.http.port}{prefix}"
        return Context(
            ref=ContextRef(kubeconfig=(), name="dev"),
            cluster=Cluster(name="dev", server=url),
            user=User(name="me", token=token),
        )


@asynccontextmanager
async def serving(**script: list[Reply] | Reply) -> AsyncIterator[ScriptedServer]:
    server = ScriptedServer(**script)
    await server.http.start_server(shutdown_timeout=0)
    try:
        yield server
    finally:
        await server.http.close()


@asynccontextmanager
async def api_of(
    server: ScriptedServer, *, report: Report = unreported, prefix: str = ""
) -> AsyncIterator[Api]:
    context = server.context(prefix=prefix)
    credentials = Credentials(context, {})
    api = Api(Server(context, credentials, {}), credentials, report=report)
    try:
        yield api
    finally:
        await api.close()
        await credentials.close()
