"""HTTP with one API server: credentials, one retry after a 401, Retry-After, errors in words."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

import aiohttp
from msgspec import Struct
from multidict import CIMultiDict
from yarl import URL

from kfwd.errors import ApiError, KfwdError, Unreachable
from kfwd.kube import answers
from kfwd.kube.answers import Answer
from kfwd.kube.connect import Server
from kfwd.kube.credentials import Credential, Credentials
from kfwd.kube.login_hint import login_hint

MAX_RETRIES = 10
"""As client-go, and only where the server says when (protocol notes I.5)."""

MAX_BODY = 64 * 1024 * 1024
MAX_ERROR_BODY = 64 * 1024
ANSWER_S = 30.0
JSON = "application/json"
UNAUTHORIZED = 401

Report = Callable[[KfwdError | None, float | None], None]
Read = Callable[[], Awaitable[bytes]]
T = TypeVar("T")


class Request(Struct, frozen=True, kw_only=True):
    """`path` is without the server's prefix; a body is JSON."""

    method: str = "GET"
    path: str
    params: Mapping[str, str] = {}
    body: bytes | None = None


def unreported(error: KfwdError | None, latency_s: float | None) -> None:
    """The report of those who do not want one."""


class Exchange:
    """Requests to one API server over shared connections.

    `report` is told how every request went: with the error, or None and the seconds from request
    to answer (None where that says nothing about the way there).
    """

    def __init__(
        self, server: Server, credentials: Credentials, *, report: Report = unreported
    ) -> None:
        self._server = server
        self._credentials = credentials
        self._report = report
        self._session: aiohttp.ClientSession | None = None

    async def complete(self, request: Request, *, timeout: float, measured: bool = True) -> Answer:
        """The 2xx answer to a request, within `timeout` seconds of having a credential.

        A 429 or 5xx that names its seconds is asked again, up to 10 times, while the time allows.
        Raises what `answers.error_of` makes of any other answer, and `Unreachable`.
        """
        loop = asyncio.get_running_loop()
        with self._reported(timeout):
            await self._credentials.get()
        deadline = loop.time() + timeout
        for attempt in range(1 + MAX_RETRIES):
            with self._reported(timeout):
                async with asyncio.timeout_at(deadline):
                    answer, latency = await self._begun_anew(request, lambda: self._ask(request))
            pause = answers.retry_after_s(answer)
            if pause is None or attempt == MAX_RETRIES or loop.time() + pause >= deadline:
                break
            await asyncio.sleep(pause)
        with self._reported(timeout):
            self._demand(answer)
        self._report(None, latency if measured else None)
        return answer

    @asynccontextmanager
    async def stream(self, request: Request, *, silence_s: float) -> AsyncIterator[Read]:
        """The body of a 2xx JSON answer as it arrives; `b""` is its end.

        A read raises `Unreachable` after `silence_s` seconds without a byte or a cut connection.
        Nothing is retried but a 401.
        """
        with self._reported(ANSWER_S):
            await self._credentials.get()
            async with asyncio.timeout(ANSWER_S):
                opening = self._begun_anew(request, lambda: self._open(request, silence_s))
                response = await opening
        try:
            if response.status != 200 or response.content_type != JSON:
                with self._reported(ANSWER_S):
                    async with asyncio.timeout(ANSWER_S):
                        answer = await _read(response, MAX_ERROR_BODY)
                    self._demand(answer)
                    raise answers.not_json(answer, self._server.authority)
            self._report(None, None)

            async def read() -> bytes:
                # A cut is not reported: streams end for many reasons, the next request tells.
                with self._reaching(silence_s):
                    return await response.content.readany()

            yield read
        finally:
            response.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _begun_anew(self, request: Request, make: Callable[[], Awaitable[T]]) -> T:
        """Ask again on another connection when the way there changes before there is an answer."""
        if request.method != "GET":
            return await make()
        return await self._server.way.attempt(make)

    async def _ask(self, request: Request) -> tuple[Answer, float]:
        loop = asyncio.get_running_loop()
        started = loop.time()
        response = await self._open(request)
        latency = loop.time() - started
        try:
            return await _read(response, MAX_BODY), latency
        except BaseException:
            response.close()
            raise

    async def _open(
        self, request: Request, silence_s: float | None = None
    ) -> aiohttp.ClientResponse:
        """An answer, not read yet. A 401 is answered with a fresh credential, once."""
        credential = await self._credentials.get()
        response = await self._send(request, credential, silence_s)
        if response.status != UNAUTHORIZED:
            return response
        self._credentials.rejected(credential)
        try:
            fresh = await self._credentials.get()
        except BaseException:
            response.close()
            raise
        if fresh.tag == credential.tag:
            return response
        response.close()
        response = await self._send(request, fresh, silence_s)
        if response.status == UNAUTHORIZED:
            self._credentials.rejected(fresh)
        return response

    async def _send(
        self, request: Request, credential: Credential, silence_s: float | None
    ) -> aiohttp.ClientResponse:
        if self._session is None:
            self._session = self._new_session()
        headers = CIMultiDict(credential.headers)
        if request.body is not None:
            headers["Content-Type"] = JSON
        url = URL(self._server.base_url + request.path, encoded=True).with_query(request.params)
        context = await self._server.ssl_context(credential) if self._server.tls else True
        return await self._session.request(
            request.method,
            url,
            data=request.body,
            headers=headers,
            ssl=context,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_read=silence_s),
        )

    def _new_session(self) -> aiohttp.ClientSession:
        compressed = not self._server.context.cluster.disable_compression
        return aiohttp.ClientSession(
            connector=self._server.connector(),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "Accept": JSON,
                "Accept-Encoding": "gzip" if compressed else "identity",
                "User-Agent": "kfwd",
            },
        )

    def _demand(self, answer: Answer) -> None:
        if not answer.ok:
            context = self._server.context
            where, name = self._server.authority, context.ref.name
            raise answers.error_of(answer, where, name, login_hint(context))

    @contextmanager
    def _reported(self, limit_s: float) -> Iterator[None]:
        """Turn what goes wrong into the project's errors, and tell who wants to know."""
        try:
            with self._reaching(limit_s):
                yield
        except KfwdError as error:
            self._report(error, None)
            raise

    @contextmanager
    def _reaching(self, limit_s: float) -> Iterator[None]:
        where = self._server.authority
        try:
            yield
        except TimeoutError as error:
            text = f"{where} did not answer within {limit_s:g} s"
            raise Unreachable(text, code="timeout") from error
        except (aiohttp.ClientError, OSError) as error:
            cause = error.__cause__ if isinstance(error.__cause__, ssl.SSLError) else error
            if isinstance(cause, ssl.SSLError):
                raise self._server.handshake_error(cause) from error
            text = f"the connection to {where} was lost: {error or type(error).__name__}"
            raise Unreachable(text, code="connection-lost") from error


async def _read(response: aiohttp.ClientResponse, limit: int) -> Answer:
    """Read an answer to its end and let its connection go. A body beyond `limit` is an error."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            response.close()
            raise ApiError(
                f"{response.url.path} is answered with more than {limit} bytes",
                status=response.status,
                code="answer-too-large",
            )
    response.release()
    return Answer(
        status=response.status,
        content_type=response.content_type if "Content-Type" in response.headers else "",
        body=bytes(body),
        retry_after=response.headers.get("Retry-After"),
        location=response.headers.get("Location"),
    )
