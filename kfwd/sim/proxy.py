"""`pods/proxy`, `services/proxy` and `nodes/proxy`: plain requests, passed on as they come.

Bodies stream both ways; only HTML is held as a whole, to rewrite its links (protocol notes F).
"""

from __future__ import annotations

import errno
import json
import ssl
from collections.abc import Mapping

import aiohttp
from aiohttp import web
from msgspec import Struct
from multidict import CIMultiDict
from yarl import URL

from kfwd.sim import proxy_rewrite as rewriting
from kfwd.sim.node import PortMap
from kfwd.sim.proxy_target import METHODS, Route, Target, escaped, locate, route, unavailable
from kfwd.sim.requests import Info
from kfwd.sim.status import StatusError, method_not_allowed
from kfwd.sim.store import Store

DIAL_S = 30.0
IDLE_S = 90.0
HEAD_LIMIT = 64 * 1024
_NOT_TLS = "tls: first record does not look like a TLS handshake"
_BROKEN = "net/http: HTTP/1.x transport connection broken: malformed HTTP response"
_QUIET = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class Asked(Struct, frozen=True):
    """A proxied request that has been authorized, and where it goes."""

    route: Route
    target: Target
    impersonated: bool


class Proxy:
    """Passes plain requests to pods, keeping connections to them."""

    def __init__(self, store: Store, ports: PortMap) -> None:
        self._store = store
        self._ports = ports
        self._client: aiohttp.ClientSession | None = None

    def asked(self, method: str, target: str, info: Info, *, impersonated: bool) -> Asked:
        """Where an authorized request goes. Raises 400, 404, 405, 503."""
        if method not in METHODS:
            raise method_not_allowed()
        return Asked(route(target), locate(self._store, info), impersonated)

    def address(self, target: Target) -> tuple[str, int] | None:
        """The real address of a back end; None where nothing listens."""
        if target.port is None:
            return None
        if target.node_address:
            return target.node_address, target.port
        return self._ports.address(target.uid, target.port)

    async def serve(self, request: web.BaseRequest, asked: Asked) -> web.StreamResponse:
        """Answer a request that is no upgrade. Raises StatusError while nothing is sent."""
        path = asked.route.plain_path
        if not path and request.method in {"GET", "HEAD"}:
            query = f"?{request.query_string}" if request.query_string else ""
            place = f"{escaped(asked.route.asked)}/{query}"
            return web.Response(status=301, headers={"Location": place})
        if asked.target.kubelet:
            return self._kubelet(asked.target.kubelet, path)
        upstream = await self._send(request, asked, path)
        async with upstream:
            return await _answer(request, asked, upstream)

    async def _send(
        self, request: web.BaseRequest, asked: Asked, path: str
    ) -> aiohttp.ClientResponse:
        target = asked.target
        if target.port is None:
            name = target.host.rpartition(":")[2]
            raise _unreachable(f"dial tcp: lookup tcp/{name}: unknown port")
        address = self.address(target)
        if address is None:
            raise _unreachable(target.refused)
        query = request.raw_path.partition("?")[2]
        url = f"{target.scheme}://{address[0]}:{address[1]}{escaped(path)}"
        expect_continue(request)
        try:
            return await self._session().request(
                request.method,
                URL(f"{url}?{query}" if query else url, encoded=True),
                headers=_request_headers(request, asked, path),
                data=request.content if request.can_read_body else None,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, OSError) as error:
            raise _unreachable(_in_go(error, target)) from error

    def _session(self) -> aiohttp.ClientSession:
        if self._client is None:
            # Back ends are not verified: InsecureSkipVerify (protocol notes F.2).
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
            self._client = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=tls, keepalive_timeout=IDLE_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=DIAL_S),
                auto_decompress=False,
                skip_auto_headers=_QUIET,
                max_line_size=HEAD_LIMIT,
                max_field_size=HEAD_LIMIT,
            )
        return self._client

    def _kubelet(self, node: str, path: str) -> web.Response:
        """The few pages of a kubelet that people look at."""
        if path.rstrip("/") == "/healthz":
            return web.Response(text="ok")
        if path.rstrip("/") == "/pods":
            pods = [p for p in self._store.objects("pods") if p["spec"].get("nodeName") == node]
            found = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods}
            return web.Response(text=json.dumps(found), content_type="application/json")
        return web.Response(text="404 page not found\n", status=404)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()


def expect_continue(request: web.BaseRequest) -> None:
    """Tell a client that waits with its body to send it."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def _pairs(request: web.BaseRequest) -> list[tuple[str, str]]:
    return list(request.headers.items())


def _request_headers(request: web.BaseRequest, asked: Asked, path: str) -> CIMultiDict[str]:
    headers = rewriting.without_credentials(_pairs(request), impersonated=asked.impersonated)
    headers = rewriting.without_hops(headers)
    headers = rewriting.with_forwarded_for(headers, request.remote or "")
    uri = rewriting.forwarded_uri(asked.route.prefix, path)
    # The 100 is this server's to say; the back end is sent the body at once.
    dropped = {"x-forwarded-uri", "expect"}
    kept = [pair for pair in headers if pair[0].lower() not in dropped]
    return CIMultiDict(sorted([*kept, ("X-Forwarded-Uri", uri)]))


def _unreachable(why: str) -> StatusError:
    return unavailable(f"error trying to reach service: {why}")


def _in_go(error: Exception, target: Target) -> str:
    """A failed exchange in the words of Go's HTTP client."""
    number = getattr(error, "os_error", error)
    if isinstance(error, aiohttp.ClientSSLError):
        return _NOT_TLS
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "EOF"
    if isinstance(error, aiohttp.ClientResponseError):
        return f"{_BROKEN} {json.dumps(error.message)}"
    if isinstance(number, OSError) and number.errno == errno.ECONNREFUSED:
        return target.refused
    if isinstance(number, OSError) and number.errno == errno.ECONNRESET:
        return f"read tcp {target.host}: read: connection reset by peer"
    return str(error)


async def _answer(
    request: web.BaseRequest, asked: Asked, upstream: aiohttp.ClientResponse
) -> web.StreamResponse:
    headers = CIMultiDict(rewriting.answer_headers(upstream.headers.items()))

    def rewrite(url: str) -> str:
        return rewriting.rewrite_url(url, asked.route.prefix, asked.target.host, request.host)

    if location := headers.get("Location"):
        headers["Location"] = rewrite(location)
    elif _is_html(headers):
        return await _page(upstream, headers, rewrite)
    return await _stream(request, upstream, headers)


def _is_html(headers: Mapping[str, str]) -> bool:
    return headers.get("Content-Type", "").partition(";")[0].strip() == "text/html"


async def _page(
    upstream: aiohttp.ClientResponse, headers: CIMultiDict[str], rewrite: rewriting.RewriteUrl
) -> web.Response:
    try:
        body = await upstream.read()
        body = rewriting.rewrite_body(body, headers.get("Content-Encoding", ""), rewrite)
    except (aiohttp.ClientError, ValueError) as error:
        raise StatusError(500, "", str(error)) from error
    if upstream.method != "HEAD":
        headers.popall("Content-Length", None)
    return web.Response(
        status=upstream.status, reason=upstream.reason, headers=headers, body=body or None
    )


async def _stream(
    request: web.BaseRequest, upstream: aiohttp.ClientResponse, headers: CIMultiDict[str]
) -> web.StreamResponse:
    response = web.StreamResponse(status=upstream.status, reason=upstream.reason, headers=headers)
    await response.prepare(request)
    try:
        async for chunk in upstream.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
    except aiohttp.ClientPayloadError:
        # What is there is all there is; without an end the client sees that it was cut.
        if request.transport is not None:
            request.transport.close()
    return response
