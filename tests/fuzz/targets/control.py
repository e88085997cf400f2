"""What reaches the daemon over its socket, what clients read from it, and what it reads back.

The first byte chooses: a call's query and body (which are carried out as far as no daemon is
needed), an answer as a client reads it, the state file, a handover.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, cast

import msgspec
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from kfwd.api_model import EntryRequest
from kfwd.client import http
from kfwd.daemon import adhoc, state, wants
from kfwd.daemon.api import guard, routes, server
from kfwd.daemon.handover import messages
from kfwd.errors import NOT_JSON, KfwdError, ProtocolError
from kfwd.model import ADHOC, ContextRef, ForwardSpec, PortSpec, ProxySpec, Wanted

CALL, ANSWER, STATE, HANDOVER = range(4)
CONTEXT = ContextRef(kubeconfig=("/k",), name="dev")
WEB = ForwardSpec(name="web", target="svc/web", ports=(PortSpec(local=8080, remote="http"),))
DB = ForwardSpec(name="db", target="sts/db", ports=(PortSpec(local=0, remote="5432"),))
API = ProxySpec(name="api", target="svc/web:http")


def seeds() -> Iterator[bytes]:
    for spec in (DB, API):
        body = EntryRequest(spec=spec, kubeconfig=("/k",), context="dev", attached=True)
        yield call("PUT", "/v1/entries/{profile}/{name}", "taken=next", msgspec.json.encode(body))
    yield call("POST", "/v1/up", "", b'{"kubeconfig":["/k"],"profiles":["dev"]}')
    yield call("GET", "/v1/logs", "entry=-/web&n=20&follow=1", b"")
    yield call("GET", "/v1/history", "since=2026-01-01T12:00:00Z", b"")
    yield call("GET", "/v1/plan", "profile=a&profile=b&kubeconfig=%2Fk", b"")
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nKfwd-Version: 1\r\n\r\n"
    yield bytes([ANSWER]) + head + b"2\r\n{}\r\n0\r\n\r\n"
    kept = state.Saved(adhoc={"-/web": wanted(WEB)}, paused={"-/web"}, ports={"-/web": {"80": 1}})
    yield bytes([STATE]) + state.encode(kept)
    told = messages.encode(messages.Held(), 0) + messages.encode(messages.Listening(("-/web",)), 0)
    yield bytes([HANDOVER]) + told


def call(method: str, path: str, query: str, body: bytes) -> bytes:
    number = next(n for n, r in enumerate(routes.ALL) if (r.method, r.path) == (method, path))
    return bytes([CALL, number]) + query.encode() + b"\n" + body


def wanted(spec: Any) -> Wanted:
    return Wanted(profile=ADHOC, spec=spec, context=CONTEXT)


def check(data: bytes) -> bool:
    kind, rest = (data[:1] or b"\0")[0] % 4, data[1:]
    return (called, answered, restored, handed)[kind](rest)


class Request:
    """As much of a request as decoding looks at."""

    def __init__(self, query: str, body: bytes) -> None:
        self.query = URL(f"http://kfwd/?{query}", encoded=True).query
        self._body = body

    async def read(self) -> bytes:
        return self._body


def called(data: bytes) -> bool:
    route = routes.ALL[(data[:1] or b"\0")[0] % len(routes.ALL)]
    query, _, body = data[1:].partition(b"\n")
    request = cast("web.BaseRequest", Request(query.decode("latin-1"), body))
    guard.refusal(CIMultiDict(Host=query.decode("latin-1")), 1, 1)
    try:
        server.decode_query(request, route.query)
        decoded = finish(server.decode_body(request, route.body))
        if isinstance(decoded, EntryRequest):
            put(decoded)
    except KfwdError as error:
        msgspec.json.encode(server.detail(error))
        return False
    return True


def finish(coroutine: Any) -> Any:
    """The result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


def put(request: EntryRequest) -> None:
    """What a daemon does with it before anything is bound."""
    adhoc.check(request.spec)
    adhoc.refuse_clash(request.spec, (wanted(WEB),))
    entry = wanted(request.spec)
    wants.describe(entry)
    wants.difference(wanted(WEB), entry)
    assert all(0 <= port.local <= 65535 for port in request.spec.ports)
    kept = state.Saved(adhoc={entry.id: entry})
    assert msgspec.json.decode(state.encode(kept), type=state.Saved) == kept


def answered(data: bytes) -> bool:
    try:
        status, headers = http.read_head(io.BytesIO(data))
        http.chunk_size(data[:20])
    except (ProtocolError, ConnectionResetError):
        return data.startswith(b"HTTP/1.1 200")
    assert 0 <= status <= 999
    assert all(name == name.lower() for name in headers)
    return True


def restored(data: bytes) -> bool:
    try:
        kept = msgspec.json.decode(data, type=state.Saved)
    except NOT_JSON:
        return False
    wants.plan((), {}, wants.wanted(kept, {}))
    return bool(state.encode(kept))


def handed(data: bytes) -> bool:
    decoder = messages.Decoder()
    decoder.feed(data, range(8))
    try:
        while (found := decoder.take()) is not None:
            message, descriptors = found
            messages.encode(message, len(descriptors))
    except ProtocolError:
        return False
    return True
