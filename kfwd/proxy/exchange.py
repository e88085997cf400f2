"""One request on its way to a server, and the answer on its way back.

Bytes flow in callbacks, both ways and with back-pressure; `run` waits for the end. What was sent is
sent again only where no server can have acted on it: a request without a body on a kept connection
that turned out to be closed, or one that was refused for its credentials.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from enum import Enum
from typing import Protocol

from kfwd.errors import HttpError, KfwdError, SessionLost
from kfwd.proxy.decision import Forward, Transform
from kfwd.proxy.upstream import Client, Upstream
from kfwd.wire import http1, http1_body
from kfwd.wire.http1 import Head, HeadReader, Lines, RequestHead, ResponseHead
from kfwd.wire.http1_body import LAST_CHUNK, Body, chunk

REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing (RFC 9110, 9.2.1)."""

TRIES = 3


def repeatable(request: RequestHead) -> bool:
    """Whether a request may be made again where nobody knows what became of it."""
    return request.method in REPEATABLE and http1_body.of_request(request).done


class Side(Protocol):
    """The client's side of an exchange."""

    @property
    def keeps(self) -> bool:
        """Whether another request may follow."""

    def write(self, data: bytes | memoryview) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def began(self) -> None:
        """The exchange takes the client's bytes from now on, first those that are there."""

    def rest(self) -> Awaitable[None]:
        """Wait for `stir`, or less long (`kfwd.proxy.prompt`)."""
        ...

    def stir(self) -> None:
        """Have the exchange's `run` go on, perhaps within this call."""


class End(Enum):
    """How an exchange ended."""

    KEEP = "keep"  # complete: the client's connection may serve another one
    CLOSE = "close"  # complete: the client's connection ends
    CUT = "cut"  # the answer is not complete, and the client must notice
    AGAIN = "again"  # ask once more on another connection
    GONE = "gone"  # the client has gone


class Framing(Enum):
    """How the client is told where the answer ends."""

    AS_IS = "as is"
    CHUNKS = "chunks"
    CLOSE = "close"


class Exchange:
    """A request with its body, and the answer to it. `status` is 0 until there is one."""

    def __init__(
        self, side: Side, request: RequestHead, body: Body, forward: Forward, client: Client
    ) -> None:
        self.status = 0
        self.where: str | None = None
        self._side = side
        self._out: list[bytes | memoryview] = []
        self._request = request
        self._body = body
        self._forward = forward
        self._client = client
        self._bodiless = body.done
        self._upstream: Upstream | None = None
        self._end: End | KfwdError | None = None
        self._reader = HeadReader()
        self._head: ResponseHead | None = None
        self._answer: Body = Body()
        self._framing = Framing.AS_IS
        self._transform: Transform | None = None
        self._keep = request.persistent
        self._raw = False
        self._spoilt = False
        self._turn = 0

    async def run(self) -> End:
        """Raises the `KfwdError` for which there is no answer, while nothing of one was sent."""
        for self._turn in range(TRIES):
            fresh = self._turn > 0 or self._forward.upgrade
            upstream = await self._forward.upstreams.connect(self._client, fresh=fresh)
            self._start(upstream)
            try:
                end = await self._ended()
            finally:
                self._leave()
            if end is not End.AGAIN:
                return end
            self._end = None
            self._reader = HeadReader()
            self._spoilt = False
        raise SessionLost("every connection ended before an answer came")

    async def _ended(self) -> End:
        while self._end is None:
            await self._side.rest()
        if isinstance(self._end, KfwdError):
            raise self._end
        return self._end

    def _start(self, upstream: Upstream) -> None:
        self._upstream = upstream
        upstream.attach(self)
        if self._end is not None:
            return  # the client has gone while it waited for this
        forward = self._forward
        upstream.write(upstream.head(forward.method, forward.target, self._framed(forward.lines)))
        self._side.began()

    def _framed(self, lines: Lines) -> Lines:
        """The request's headers with one clear length."""
        if self._body.chunked:
            return (*lines, ("Transfer-Encoding", "chunked"))
        if "content-length" not in self._request.index:
            return lines
        return _with_length(lines, self._request, str(self._body.length))

    def _leave(self) -> None:
        """Let go of the connection: kept for others if everything on it is complete."""
        upstream, self._upstream = self._upstream, None
        if upstream is None:
            return
        self.where = upstream.where
        complete = self._answer.done and self._body.done and not (self._raw or self._spoilt)
        if complete and self._head is not None:
            upstream.release(persistent=self._head.persistent)
        else:
            upstream.abort()

    def client_data(self, data: memoryview) -> int:
        """Take what the client sent; returns how much of it belongs here. Raises `HttpError`."""
        if self._raw:
            used = len(data)
        elif self._body.done:
            return 0
        else:
            used = self._body.feed(data)
        if used and self._upstream is not None:
            self._upstream.write(data[:used])
        return used

    def client_ended(self) -> None:
        """The client sends no more. Within a request that means that it has gone."""
        if not self._raw:
            self.client_gone()
        elif self._upstream is not None:
            self._upstream.finish()

    def client_gone(self) -> None:
        self._finish(End.GONE)
        self._side.stir()

    def client_failed(self, error: HttpError) -> None:
        """What the client sends is no body."""
        self._fail(error)
        self._side.stir()

    def client_full(self) -> None:
        if self._upstream is not None:
            self._upstream.pause_reading()

    def client_drained(self) -> None:
        if self._upstream is not None:
            self._upstream.resume_reading()

    def pause_writing(self) -> None:
        self._side.pause_reading()

    def resume_writing(self) -> None:
        self._side.resume_reading()

    def data_received(self, data: memoryview) -> None:
        if self._end is not None:
            self._spoilt = True  # more than an answer: nobody knows what follows
            return
        try:
            while data and self._end is None:
                data = data[self._take(data) :]
            self._spoilt |= bool(data)
        except HttpError as error:
            self._fail(HttpError(error.text, status=502))
        finally:
            self._flush()
        self._let_go()

    def pipe_lost(self, error: Exception | None) -> None:
        self._spoilt = True
        if self._end is not None:
            return
        if self._raw:
            self._finish(End.CLOSE if error is None else End.CUT)
        elif self._head is None:
            self._unanswered(error)
        elif error is None:
            self._answer_ended()
        else:
            self._finish(End.CUT)
        self._side.stir()

    def _let_go(self) -> None:
        """Have `run` let go of the server, if this is over, as soon as the server bears that."""
        if self._end is None:
            return
        if self._upstream is not None and self._upstream.prompt:
            self._side.stir()
        else:
            asyncio.get_running_loop().call_soon(self._side.stir)

    def _flush(self) -> None:
        """Send what belongs to the client in one write: a head and a short body need no two."""
        out, self._out = self._out, []
        if out:
            self._side.write(out[0] if len(out) == 1 else b"".join(out))

    def _take(self, data: memoryview) -> int:
        """Use bytes of the answer; returns how many."""
        if self._raw:
            self._out.append(data)
            return len(data)
        if self._head is None:
            used = self._reader.feed(data)
            if used is None:
                return len(data)
            self._begin_answer(http1.parse_response(self._reader.take()))
            return used
        used = self._answer.feed(data)
        self._pass(data[:used])
        if self._answer.done:
            self._complete()
        return used or len(data)

    def _begin_answer(self, head: ResponseHead) -> None:
        if head.status == 101:
            self._switch(head)
        elif head.status < 200:
            lines = http1.end_to_end(head)
            self._out.append(http1.encode_response(head.status, head.reason, lines))
        elif self._worth_asking_again(head.status):
            self._finish(End.AGAIN)
        else:
            self._answered(head)

    def _worth_asking_again(self, status: int) -> bool:
        first = self._turn == 0 and self._bodiless
        return first and self._upstream is not None and self._upstream.again(status)

    def _switch(self, head: ResponseHead) -> None:
        """The server speaks another protocol from here on: the headers are its first words."""
        if not self._forward.upgrade:
            raise HttpError("the server switched to a protocol that nobody asked for", status=502)
        self._head, self.status, self._raw = head, head.status, True
        self._out.append(http1.encode_response(head.status, head.reason, head.lines))
        self._flush()
        self._side.began()

    def _answered(self, head: ResponseHead) -> None:
        if self._forward.upgrade:
            self._keep = False  # what follows the request may be meant in the other protocol
            if self._forward.strict_upgrade and head.status < 400:
                raise HttpError(f"invalid upgrade response: status code {head.status}", status=502)
        self._answer = http1_body.of_response(self._request.method, head)
        self._head, self.status = head, head.status
        lines, self._transform = self._forward.answered(head, http1.end_to_end(head))
        if self._answer.done:
            self._transform = None
        lines = self._frame(head, lines)
        as_it_came = lines is head.lines and head.minor == 1
        self._out.append(
            head.data if as_it_came else http1.encode_response(head.status, head.reason, lines)
        )
        if self._answer.done:
            self._complete()

    def _frame(self, head: ResponseHead, lines: Lines) -> Lines:
        """Decide how the client learns where the answer ends, and say so."""
        self._keep &= self._side.keeps
        self._keep &= self._body.done  # the rest of a request that is answered early may never come
        if self._transform is not None:
            lines = http1.without(lines, {"content-length"})
        if self._answer.done:
            framed = lines
        elif self._answer.length is not None and self._transform is None:
            framed = _with_length(lines, head, str(self._answer.length))
        elif self._request.minor == 0:
            self._framing, self._keep = Framing.CLOSE, False
            framed = lines
        else:
            as_is = self._answer.chunked and self._transform is None
            self._framing = Framing.AS_IS if as_is else Framing.CHUNKS
            framed = (*lines, ("Transfer-Encoding", "chunked"))
        if not self._keep:
            return (*framed, ("Connection", "close"))
        return (*framed, ("Connection", "keep-alive")) if self._request.minor == 0 else framed

    def _pass(self, data: memoryview) -> None:
        """Pass on bytes of the answer's body."""
        if self._transform is None and self._framing is Framing.AS_IS:
            self._out.append(data)
            return
        for piece in self._answer.pieces:
            changed = piece if self._transform is None else self._transform.feed(piece)
            self._emit(changed)

    def _emit(self, data: bytes | memoryview) -> None:
        if len(data):
            self._out.append(chunk(data) if self._framing is Framing.CHUNKS else data)

    def _complete(self) -> None:
        """The whole answer has come."""
        if self._transform is not None:
            self._emit(self._transform.end())
        if self._framing is Framing.CHUNKS:
            self._out.append(LAST_CHUNK)
        self._finish(End.KEEP if self._keep else End.CLOSE)

    def _answer_ended(self) -> None:
        """The server closed after (a part of) its answer."""
        try:
            self._answer.end()
        except HttpError:
            self._finish(End.CUT)
        else:
            self._complete()
            self._flush()

    def _unanswered(self, error: Exception | None) -> None:
        upstream = self._upstream
        stale = upstream is not None and upstream.reused and self._reader.empty
        if stale and self._bodiless and self._request.method in REPEATABLE:
            self._finish(End.AGAIN)
        elif isinstance(error, KfwdError):
            self._fail(error)
        else:
            why = f": {error}" if error else ""
            self._fail(SessionLost(f"the connection ended before an answer came{why}"))

    def _fail(self, error: KfwdError) -> None:
        """No usable answer: the client is told, unless it has been told something else."""
        self._spoilt = True
        self._finish(End.CUT if self.status else error)

    def _finish(self, end: End | KfwdError) -> None:
        if self._end is None:
            self._end = end


def _with_length(lines: Lines, head: Head, length: str) -> Lines:
    """Those of `head` that are passed on, with one Content-Length: it may be said more than once,
    or be named in `Connection`, and a body must not be taken for another message."""
    if lines is head.lines and head.index["content-length"] == length:
        return lines
    return (*http1.without(lines, {"content-length"}), ("Content-Length", length))
