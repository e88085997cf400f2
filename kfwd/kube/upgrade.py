"""Turn a connection to the API server into a byte pipe: one request, one answer, then the pipe."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping

from msgspec import Struct

from kfwd.errors import ProtocolError, UpgradeFailed
from kfwd.kube.connect import Server
from kfwd.kube.credentials import Credential
from kfwd.kube.pipe import Pipe
from kfwd.kube.tls_pipe import open_pipe
from kfwd.wire import upgrade as wire

ANSWER_S = 5.0
BODY_S = 2.0


class Request(Struct, frozen=True):
    """An upgrade request without Host and credentials, and which answer to it will do."""

    method: str
    path: str
    headers: Mapping[str, str]
    accepted: Callable[[wire.Head], bool]


class Upgraded(Struct, frozen=True):
    """A pipe that has changed protocol, not reading; `rest` came glued behind the answer."""

    pipe: Pipe
    head: wire.Head
    rest: bytes


class _Answer:
    """Receives the answer to one request, and keeps what follows its head."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._data = bytearray()
        self._wake = asyncio.Event()
        self._ended = False
        self._error: Exception | None = None
        pipe.attach(self)

    def data_received(self, data: memoryview) -> None:
        """Nothing is read beyond the head before somebody asks for it."""
        self._data += data
        self._pipe.pause_reading()
        self._wake.set()

    def pipe_lost(self, error: Exception | None) -> None:
        self._ended = True
        self._error = error
        self._wake.set()

    def pause_writing(self) -> None:
        pass

    def resume_writing(self) -> None:
        pass

    async def head(self) -> tuple[wire.Head, bytes]:
        """The head and the bytes behind it so far."""
        while not (end := wire.head_end(self._data)):
            if isinstance(self._error, ssl.SSLError):
                raise self._error
            if self._ended:
                raise ProtocolError("the connection ended before an answer came")
            await self._more()
        rest = bytes(self._data[end:])
        head = wire.parse_head(bytes(self._data[:end]))
        self._data = bytearray(rest)
        return head, rest

    async def body(self, head: wire.Head) -> bytes:
        """The body of a refusal: to its end, its bound, or as much as came in 2 s."""
        try:
            async with asyncio.timeout(BODY_S):
                while not self._ended and not wire.body_complete(head, self._data):
                    await self._more()
        except TimeoutError:
            pass
        return bytes(self._data)

    async def _more(self) -> None:
        self._wake.clear()
        self._pipe.resume_reading()
        await self._wake.wait()


async def upgrade(
    server: Server, credential: Credential, request: Request, *, answer_s: float = ANSWER_S
) -> Upgraded:
    """Send `request` on a connection of its own and return the pipe if the answer is accepted.

    Raises `Unreachable` when no connection comes about (in TLS 1.3 a client certificate is refused
    only after the request was sent), and `UpgradeFailed` for any other answer:
    with the HTTP status, or status 0 for an end-of-file or `answer_s` seconds of silence. The
    caller bounds the whole.
    """
    context = await server.ssl_context(credential) if server.tls else None
    sock = await server.open_socket()
    try:
        pipe = await open_pipe(sock, context, server.server_hostname)
    except OSError as error:
        raise server.handshake_error(error) from error
    try:
        fields = [("Host", server.host_header), ("User-Agent", "kfwd")]
        fields += [*credential.headers.items(), *request.headers.items()]
        pipe.write(wire.request(request.method, server.path_prefix + request.path, fields))
        return await _exchange(pipe, request.accepted, server.authority, answer_s)
    except ssl.SSLError as error:
        pipe.abort()
        raise server.handshake_error(error) from error
    except BaseException:
        pipe.abort()
        raise


async def _exchange(
    pipe: Pipe, accepted: Callable[[wire.Head], bool], authority: str, answer_s: float
) -> Upgraded:
    answer = _Answer(pipe)
    try:
        async with asyncio.timeout(answer_s):
            head, rest = await answer.head()
    except TimeoutError:
        words = f"{authority} did not answer an upgrade within {answer_s:g} s"
        raise UpgradeFailed(words, status=0) from None
    except ProtocolError as error:
        raise UpgradeFailed(f"{authority}: {error.text}", status=0) from error
    if accepted(head):
        return Upgraded(pipe, head, rest)
    if head.status == 101:
        words = "the server switched to a protocol that was not asked for"
        raise UpgradeFailed(words, status=head.status)
    raise _refused(head, await answer.body(head))


def _refused(head: wire.Head, body: bytes) -> UpgradeFailed:
    retry = head.headers.get("retry-after", "")
    text = wire.refusal(head, body)
    after = float(retry) if retry.isdecimal() else None
    return UpgradeFailed(text, status=head.status, retry_after_s=after)
