"""The life of one local connection: it finds a stream, carries bytes, and ends as its stream did.

Rules of this file: design section 4, rules 1, 4, 12 and 13. The decision what an ending means is
`verdict`'s; which session a stream gets is the pool's.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from kfwd.errors import KfwdError, NotFound, NotReady, SessionLost, Unreachable
from kfwd.front.listener import shown
from kfwd.front.local import Local, LocalSocket, Peer
from kfwd.front.replay import Replay
from kfwd.front.verdict import Next, after, failure
from kfwd.resolve.direct import Destination
from kfwd.tunnel.stream import Ending, Flow
from kfwd.wire.authority import authority
from kfwd.wire.failure import Failure

if TYPE_CHECKING:
    from kfwd.front.forwarder import Front

FIRST_READ = 64 * 1024


def ends(sock: socket.socket) -> tuple[str, str]:
    """The two ends of an accepted socket: the application's, and where it connected to."""
    if sock.family == socket.AF_UNIX:
        return "unix", shown(sock)
    try:
        host, port, *_ = sock.getpeername()
        client = authority(host, port)
    except OSError:
        client = "gone"
    return client, shown(sock)


class LocalGone(Exception):
    """The application closed or reset its side; nobody is left to serve."""


class Connection:
    """A local side and, most of the time, a stream. `run` is its life.

    `sock` is the application's socket, where there is one. `error` says why the connection ended,
    where that was no end that the local side may take for one.
    """

    def __init__(
        self,
        front: Front,
        local: Callable[[Peer], Local],
        client: str,
        listen: str,
        sock: socket.socket | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.received = 0
        self.sent = 0
        self.endpoint: Destination | None = None
        self.aim: Destination | None = None
        self.since = loop.time()
        self.client, self.listen = client, listen
        self.error: KfwdError | None = None
        self._front = front
        self._sock = sock
        self._who = ""
        self._local = local(self)
        self._replay = Replay(front.budget)
        self._stream: Flow | None = None
        self._ending: asyncio.Future[Ending] = loop.create_future()
        self._closed: asyncio.Future[None] = loop.create_future()
        self._local_eof = False
        self._local_full = False
        self._way_full = False
        self._avoid: set[str] = set()  # pods that were tried and did not take it
        self._missing: set[str] = set()  # pods that are not there right now
        self._ended = False

    @classmethod
    def of(cls, front: Front, sock: socket.socket) -> Connection:
        """The connection of an application that has just been accepted."""
        return cls(front, lambda peer: LocalSocket(sock, peer), *ends(sock), sock)

    @property
    def state(self) -> Literal["waiting", "open", "closing"]:
        """`waiting` for a stream, `open` on one, `closing` once it will get no other."""
        if self._stream is not None:
            return "open"
        return "closing" if self._ended else "waiting"

    async def run(self) -> None:
        """Serve the connection to its end. Cancelling it resets the local side."""
        try:
            self._who = await self._front.identify(self._sock, self.client)
            while True:
                await self._connect()
                if not await self._continue(await self._carry()):
                    break
            self._ended = True
            await self._closed
        except KfwdError as error:  # held too long, no room to wait, or the context was closed
            self._fail(error)
            await self._closed
        except LocalGone:
            pass
        finally:
            self._replay.drop()
            if self._stream is not None:
                self._stream.reset()
            self._local.abort()

    def release(self) -> socket.socket | None:
        """The application's socket, while nothing was read from it and no process spoke to it."""
        fresh = not (self.sent or self.received or self._local_eof or self._stream or self._ended)
        if fresh and self._sock is not None and isinstance(self._local, LocalSocket):
            return self._local.release()
        return None

    def abort(self) -> None:
        """Reset the local side, unless it has ended."""
        self._local.abort()

    async def _connect(self) -> None:
        """Get a stream: at once where a session is free, else from the waiting room."""
        endpoint = self._choose(self._avoid | self._missing)
        if endpoint is not None:
            opener = self._front.opener(endpoint)
            stream = opener.open_now(endpoint.port, self, self._first)
            if stream is not None:
                self._begin(endpoint, stream)
                return
        with self._front.waiting():
            try:
                async with asyncio.timeout(self._front.hold_s):
                    await self._wait_for_stream(endpoint)
            except TimeoutError:
                reason = self._front.nothing_behind()
                raise NotReady(f"held for {self._front.hold_s:g} s: {reason}") from None

    async def _wait_for_stream(self, endpoint: Destination | None) -> None:
        """`endpoint` is the one chosen already, if there is one."""
        while True:
            changed = self._front.changed()
            if endpoint is None:
                await asyncio.wait([changed])
                self._missing.clear()
            else:
                await self._ask(endpoint, changed)
            if self._stream is not None:
                return
            endpoint = self._choose(self._avoid | self._missing)

    def _choose(self, avoid: set[str]) -> Destination | None:
        self.aim = self._front.choose(avoid, self._who)
        return self.aim

    async def _ask(self, endpoint: Destination, changed: asyncio.Future[None]) -> None:
        """Wait for a stream to `endpoint` until the endpoints change."""
        opener = self._front.opener(endpoint)
        opening = opener.request(endpoint.port, self, self._first)
        try:
            both: list[asyncio.Future[Any]] = [opening.stream, changed]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if opening.stream.done():
                self._begin(endpoint, opening.stream.result())
        except NotFound:
            self._missing.add(endpoint.uid)
            self._front.look_again()
        except Unreachable as error:
            self._front.passed_over(endpoint, error.text)
        finally:
            if self._stream is None:
                opener.withdraw(opening)

    def _first(self) -> bytes:
        """What goes with the SYN_STREAMs: what was sent before, or what has already arrived."""
        if not self.sent and self._replay.complete:
            data = self._local.read_now(FIRST_READ)
            self.sent += len(data)
            self._front.counters.sent += len(data)
            self._replay.keep(data)
            return data
        return self._replay.bytes()

    def _begin(self, endpoint: Destination, stream: Flow) -> None:
        self.endpoint, self._stream = endpoint, stream
        if self._local_full:
            stream.pause_reading()
        if self._local_eof:
            stream.finish()
        elif not self._way_full:
            self._local.resume_reading()

    async def _carry(self) -> Ending:
        """Bytes flow in callbacks until the stream ends or the application goes."""
        ending = await self._ending
        self._ending = asyncio.get_running_loop().create_future()
        self._stream = None
        self._local.pause_reading()
        return ending

    async def _continue(self, ending: Ending) -> bool:
        """Act on an ending; whether to connect once more."""
        assert self.endpoint is not None
        gone = failure(ending) is Failure.GONE
        (self._missing if gone else self._avoid).add(self.endpoint.uid)
        verdict = after(
            ending,
            taken=self.received > 0,
            replayable=self._replay.complete,
            others=self._front.has_other(self._avoid | self._missing),
            leaving=self._front.leaving(self.endpoint),
        )
        if gone:
            self._front.look_again()
        if verdict in (Next.ELSEWHERE, Next.WAIT):
            return True
        if verdict is Next.FINISH:
            if not self.received:
                self._front.reached(self.endpoint)
            self._local.finish()
            return False
        if verdict is Next.DROP:
            self._local.reset()
            return False
        if verdict is Next.REFUSE:
            self._front.refused(self.endpoint)
        self._fail(SessionLost(ending.reason or "cut"))
        return False

    def _fail(self, error: KfwdError) -> None:
        self.error = error
        self._front.failed(self, error.text)
        self._local.reset()

    def local_data(self, data: memoryview) -> None:
        self.sent += len(data)
        self._front.counters.sent += len(data)
        self._replay.keep(data)
        if self._stream is not None:
            self._stream.write(data)

    def local_eof(self) -> None:
        self._local_eof = True
        if self._stream is not None:
            self._stream.finish()

    def local_lost(self, error: OSError) -> None:
        if not self._ending.done():
            self._ending.set_exception(LocalGone())

    def local_full(self) -> None:
        self._local_full = True
        if self._stream is not None:
            self._stream.pause_reading()

    def local_drained(self) -> None:
        self._local_full = False
        if self._stream is not None:
            self._stream.resume_reading()

    def local_closed(self) -> None:
        if not self._closed.done():
            self._closed.set_result(None)

    def stream_data(self, *pieces: memoryview) -> None:
        if not self.received:
            self._replay.drop()
            self._front.reached(self.endpoint)
        size = sum(map(len, pieces))
        self.received += size
        self._front.counters.received += size
        self._local.write(*pieces)

    def stream_ended(self, ending: Ending) -> None:
        self._stream = None
        self._way_full = False
        if not self._ending.done():
            self._ending.set_result(ending)

    def pause_writing(self) -> None:
        self._way_full = True
        self._local.pause_reading()

    def resume_writing(self) -> None:
        self._way_full = False
        if self._stream is not None:
            self._local.resume_reading()
