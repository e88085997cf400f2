"""One connection to a pod port, as the front sees it: bytes both ways and one ending."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from kfwd.errors import KfwdError
from kfwd.wire.portforward import MAX_FRAME

if TYPE_CHECKING:
    from kfwd.tunnel.session import Session

PENDING_MAX = 4 * 1024 * 1024
"""Most bytes kept for a reader that stalls on a shared session (design section 4, rule 2)."""

STALL_S = 10.0
ANSWER_S = 30.0
"""How long a SYN_REPLY may take (protocol notes B.9)."""


class End(Enum):
    """How a stream ended."""

    CLEAN = "clean"  # both ends finished, nobody complained
    TEXT = "text"  # the runtime said why on the error stream
    CUT = "cut"  # reset, GOAWAY, a lost session: nothing is known
    LEFT = "left"  # given up by us long after the local side had ended


class Ending(Struct, frozen=True):
    """`reason` is the error stream's text or, for a cut, what was cut."""

    how: End
    reason: str | None = None


class Sink(Protocol):
    """Who takes what comes from the pod. Calls come from the event loop and must not block."""

    def stream_data(self, *pieces: memoryview) -> None:
        """Bytes, in order. They are valid only during the call."""

    def stream_ended(self, ending: Ending) -> None:
        """The last call for this stream."""

    def pause_writing(self) -> None:
        """The way to the pod is full."""

    def resume_writing(self) -> None: ...


class Flow(Protocol):
    """A connection that reached something: bytes both ways, one ending, told to a `Sink`."""

    def write(self, data: bytes | memoryview) -> None:
        """Send bytes. Never waits; `Sink.pause_writing` says when it is enough."""

    def finish(self) -> None:
        """Say, once, that no more comes; the other side's bytes still flow."""

    def reset(self) -> None:
        """Give it up at once. The sink hears nothing more."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Opening:
    """A connection that waits for its stream. `first` is asked for its first bytes then."""

    def __init__(self, port: int, sink: Sink, first: Callable[[], bytes]) -> None:
        self.port = port
        self.sink = sink
        self.first = first
        self.stream: asyncio.Future[Flow] = asyncio.get_running_loop().create_future()

    def fail(self, error: KfwdError) -> None:
        """There is no stream, unless the caller has gone anyway."""
        if not self.stream.done():
            self.stream.set_exception(error)

    def abandon(self) -> None:
        """The stream is wanted no more; one that is there already is reset."""
        if not self.stream.done():
            self.stream.cancel()
        elif not (self.stream.cancelled() or self.stream.exception()):
            self.stream.result().reset()


class Opener(Protocol):
    """The way to one place: opens connections there. `first` gives what is to be sent first."""

    def open_now(self, port: int, sink: Sink, first: Callable[[], bytes]) -> Flow | None:
        """A connection that costs no waiting, if there is one."""

    def request(self, port: int, sink: Sink, first: Callable[[], bytes]) -> Opening:
        """Ask for a connection; `Opening.stream` has it in time, or why there is none."""
        ...

    def withdraw(self, opening: Opening) -> None:
        """The connection is wanted no more."""


class Stream:
    """A pair of SPDY streams on a session. Made by `Session.open`."""

    __slots__ = (
        "_pending",
        "_pending_size",
        "_session",
        "_sink",
        "_stall",
        "accepted",
        "id",
        "local_done",
        "opened_at",
        "paused",
        "remote_done",
        "text",
        "timer",
    )

    def __init__(self, session: Session, stream_id: int, sink: Sink, now: float) -> None:
        self.id = stream_id
        self.opened_at = now
        self.accepted = False
        self.local_done = False
        self.remote_done = False
        self.paused = False
        self.text: str | None = None
        self.timer: asyncio.TimerHandle | None = None
        self._session = session
        self._sink = sink
        self._pending: deque[bytes] = deque()
        self._pending_size = 0
        self._stall: asyncio.TimerHandle | None = None

    @property
    def pending(self) -> int:
        """Bytes from the pod that the sink has not been given yet."""
        return self._pending_size

    def write(self, data: bytes | memoryview) -> None:
        """Send bytes to the pod. Never waits; `Sink.pause_writing` says when it is enough."""
        view = memoryview(data)
        while view:
            self._session.send(self, view[:MAX_FRAME])
            view = view[MAX_FRAME:]

    def finish(self) -> None:
        """Tell the pod's side that no more comes, once; its bytes still flow."""
        self._session.finish(self)

    def reset(self) -> None:
        """Give the stream up at once. The sink hears nothing more."""
        self._session.reset(self)

    def pause_reading(self) -> None:
        if not self.paused:
            self.paused = True
            self._session.reader_changed()

    def resume_reading(self) -> None:
        if not self.paused:
            return
        self.paused = False
        while self._pending and not self.paused:
            data = self._pending.popleft()
            self._pending_size -= len(data)
            self._sink.stream_data(memoryview(data))
        if not self.paused:
            self._session.reader_changed()

    def deliver(self, pieces: Sequence[memoryview]) -> bool:
        """Hand bytes on, or keep them for a paused sink. False when no more can be kept."""
        if not self.paused:
            self._sink.stream_data(*pieces)
            return True
        self._pending.extend(map(bytes, pieces))
        self._pending_size += sum(map(len, pieces))
        return self._pending_size < PENDING_MAX

    def watch_stall(self, loop: asyncio.AbstractEventLoop) -> None:
        """Reset the stream if its reader does not move for 10 s."""
        if self._stall is None:
            self._stall = loop.call_later(STALL_S, self._session.stalled, self)

    def calm(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def release(self) -> None:
        """Stop every clock of this stream."""
        self.calm()
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def end(self, ending: Ending) -> None:
        """Tell the sink, after what is kept for it; the session has forgotten the stream."""
        self.release()
        self.paused = False
        while self._pending:
            self._sink.stream_data(memoryview(self._pending.popleft()))
        self._pending_size = 0
        self._sink.stream_ended(ending)

    def pause_writing(self) -> None:
        self._sink.pause_writing()

    def resume_writing(self) -> None:
        self._sink.resume_writing()


def holds_up(stream: Stream, streams: int) -> bool:
    """Whether `stream`, one of so many on its session, is a reason to stop reading the session.

    After the pod's end-of-file only the error stream's end is still to come, which must be read.
    """
    full = stream.pending >= PENDING_MAX
    return stream.paused and (full or (streams == 1 and not stream.remote_done))
