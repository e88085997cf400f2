"""One upgraded connection to a pod's port-forward, and the streams on it.

Rules of this file (design section 4): reading never waits for writing (5); a text taints the
session, never more (3); a frame is one write (4); a session is left alone while it is held back
(2, 6). Bytes are `wire.portforward`'s business, the choice among sessions is the pool's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from kfwd.errors import KfwdError, ProtocolError, SessionLost
from kfwd.kube.pipe import Pipe
from kfwd.tunnel.liveness import BUSY_S, GIVEN_UP, Liveness
from kfwd.tunnel.stream import ANSWER_S, End, Ending, Sink, Stream, holds_up
from kfwd.wire import portforward as wire

GRACE_S = 2.0
"""How long the error stream may take after the pod's end-of-file (rule 13)."""

AGE_S = 3.5 * 3600
"""Servers end sessions after 4 h (rule 9)."""

REPLIES_MAX = 1024 * 1024
"""Most unsent bytes while answering PINGs: a peer that asks and does not read is no peer."""


class Owner(Protocol):
    """Who keeps a session; called from the event loop."""

    def session_freed(self, session: Session) -> None:
        """Nothing occupies the session any more, or a stream has left it."""

    def session_eased(self, session: Session) -> None:
        """The session may be held back no longer."""

    def session_lost(self, session: Session, error: KfwdError) -> None:
        """The session is over. Called once, also after `close`."""


def workers(stream_ids: Iterable[int]) -> set[int]:
    """The server's workers that handle the data of these streams."""
    return {stream_id % wire.WORKERS for stream_id in stream_ids}


class Session:
    """The client's end of one session. `transport` names what carries it."""

    def __init__(self, pipe: Pipe, transport: str, owner: Owner) -> None:
        self.transport = transport
        self._loop = asyncio.get_running_loop()
        self._pipe = pipe
        self._owner = owner
        self._machine = wire.ClientSession()
        self._streams: dict[int, Stream] = {}
        self._occupants = 0
        self.opened_at = self.used_at = self._loop.time()
        self.liveness = Liveness(self.opened_at)
        self._tick: asyncio.TimerHandle | None = None
        self._sent_since_heard = False
        self._unanswered: set[int] = set()  # streams whose last bytes nothing has come back for
        self._reading = True
        self._retired = False
        self._lost = False
        self.planned = False
        """Whether the session ended because this side wanted it to."""
        self._probe: asyncio.Future[None] | None = None

    def start(self, rest: bytes = b"") -> None:
        """Begin with the bytes that came behind the answer to the upgrade."""
        self._pipe.attach(self)
        if rest:
            self.data_received(memoryview(rest))
        if not self._lost:
            self._pipe.resume_reading()
            self._check()

    @property
    def alive(self) -> bool:
        return not self._lost

    @property
    def occupied(self) -> bool:
        """Whether a stream here still has a local side."""
        return self._occupants > 0

    @property
    def streams(self) -> int:
        return len(self._streams)

    @property
    def held_back(self) -> bool:
        """Whether bytes are stuck, or may be, in either direction (design section 1)."""
        return not self._reading or self._pipe.buffered > 0 or self._sent_since_heard

    @property
    def worn(self) -> bool:
        """Whether no new stream may ever be put here."""
        return (
            self._lost
            or self._retired
            or self._machine.tainted
            or self._machine.exhausted
            or self._loop.time() - self.opened_at > AGE_S
        )

    @property
    def silent(self) -> bool:
        """Whether the peer should be asked before it is trusted with a stream."""
        return self.liveness.silent(self._loop.time())

    @property
    def fit(self) -> bool:
        """Whether a new stream may be put here now."""
        return not (self.worn or self.held_back or len(workers(self._unanswered)) == wire.WORKERS)

    def open(self, port: int, sink: Sink, first: bytes | memoryview = b"") -> Stream:
        """Open a connection to a port of the pod and send `first`, all in one write.

        Raises `SessionLost` when the session takes no more; ask `fit` before.
        """
        avoid = workers(self._streams if self.occupied else self._unanswered)
        stream_id, opening = self._machine.open(port, avoid=avoid)
        self.used_at = self._loop.time()
        stream = Stream(self, stream_id, sink, self.used_at)
        self._streams[stream_id] = stream
        self._occupants += 1
        if first:
            self._sent_on(stream_id)
            opening += self._machine.frame(stream_id, len(first)) + first
        self._pipe.write(opening)
        self.reader_changed()
        if self._tick is None or self._tick.when() > self.used_at + BUSY_S:
            self._check()
        return stream

    def can_share(self) -> bool:
        """Whether another stream may join those here, on a worker of its own (rule 2)."""
        return self.fit and len(workers(self._streams)) < wire.WORKERS

    async def answers(self, timeout: float) -> bool:
        """Send a PING and wait for any byte at most `timeout` seconds."""
        if self._lost:
            return False
        if self._probe is None:
            self._probe = self._loop.create_future()
            self._ping()
        probe = self._probe
        await asyncio.wait([probe], timeout=timeout)
        return probe.done() and not self._lost

    def doubt(self) -> None:
        """The way there may have changed: ask the peer now, and trust it again once it answers."""
        self.liveness.doubt(self._loop.time())
        self._check()

    def retire(self) -> None:
        """Take no more streams; end when the last one has."""
        self._retired = True
        self._end_if_empty()

    def close(self, error: KfwdError | None = None) -> None:
        """End the session and all streams on it."""
        if not self._lost:
            self.planned = True
            self._pipe.write(self._machine.close())
            self._lose(error or SessionLost("the session was closed"))

    def send(self, stream: Stream, data: memoryview) -> None:
        if stream.id in self._streams and not (stream.local_done or stream.remote_done):
            self._sent_on(stream.id)
            self._pipe.write_frame(self._machine.frame(stream.id, len(data)), data)

    def finish(self, stream: Stream) -> None:
        if stream.id in self._streams and not stream.local_done:
            self._pipe.write(self._machine.finish(stream.id))
            self._vacate(stream)

    def reset(self, stream: Stream) -> None:
        if self._streams.pop(stream.id, None) is not None:
            stream.release()
            if stream.id in self._unanswered:
                # Its worker may be stuck behind bytes nobody takes, and nothing will tell.
                self._retired = True
            self._pipe.write(self._machine.reset(stream.id))
            self._forget(stream)

    def reader_changed(self) -> None:
        """A reader stopped or goes on, or a stream came or went: who holds up whom?"""
        streams = self._streams.values()
        for stream in streams:
            if stream.paused and len(streams) > 1:
                stream.watch_stall(self._loop)
            else:
                stream.calm()
        self._set_reading(not any(holds_up(stream, len(streams)) for stream in streams))

    def stalled(self, stream: Stream) -> None:
        self._cut(stream, "its reader stalled for 10 s on a shared session")

    def _cut(self, stream: Stream, reason: str) -> None:
        """End a stream whose worker on the server may be stuck."""
        if self._streams.pop(stream.id, None) is not None:
            self._retired = True
            self._pipe.write(self._machine.reset(stream.id))
            self._forget(stream)
            stream.end(Ending(End.CUT, reason))

    def data_received(self, data: memoryview) -> None:
        self._heard()
        try:
            for event in self._machine.receive(data):
                self._handle(event)
        except ProtocolError as error:
            self._lose(error)

    def pipe_lost(self, error: Exception | None) -> None:
        reason = f": {error}" if error else ""
        self._lose(SessionLost(f"the connection to the API server ended{reason}"))

    def pause_writing(self) -> None:
        for stream in list(self._streams.values()):
            stream.pause_writing()

    def resume_writing(self) -> None:
        for stream in list(self._streams.values()):
            stream.resume_writing()

    def _heard(self) -> None:
        self.liveness.heard(self._loop.time())
        if self._sent_since_heard:
            self._sent_since_heard = False
            self._owner.session_eased(self)
        if self._probe is not None:
            self._probe.set_result(None)
            self._probe = None

    def _handle(self, event: wire.Event) -> None:
        match event:
            case wire.Received(stream_id, pieces):
                self._received(stream_id, pieces)
            case wire.Accepted(stream_id) if stream_id in self._streams:
                self._streams[stream_id].accepted = True
            case wire.RemoteFinished(stream_id):
                self._remote_finished(stream_id)
            case wire.ErrorText(stream_id, text) if stream_id in self._streams:
                self._streams[stream_id].text = text
            case wire.Ended(stream_id, clean, reason):
                self._ended(stream_id, clean, reason)
            case wire.Reply(data):
                self._reply(data)
            case wire.Pong():
                self.liveness.answered(self._loop.time())
            case wire.GoneAway():
                self.liveness.ended()
                self._lose(SessionLost("the server closed the session (GOAWAY)"))

    def _received(self, stream_id: int, pieces: list[memoryview]) -> None:
        if (stream := self._streams.get(stream_id)) is None:
            return
        self._unanswered.discard(stream_id)
        if not stream.deliver(pieces):
            self.reader_changed()

    def _remote_finished(self, stream_id: int) -> None:
        if (stream := self._streams.get(stream_id)) is not None:
            # Bytes that meet a pod's end wedge their worker without a word (protocol notes B.8).
            self._retired |= stream_id in self._unanswered
            stream.remote_done = True
            self._await_end(stream)
            self.reader_changed()

    def _await_end(self, stream: Stream) -> None:
        if stream.timer is not None:
            stream.timer.cancel()
        stream.timer = self._loop.call_later(GRACE_S, self._give_up, stream)

    def _give_up(self, stream: Stream) -> None:
        """The error stream did not end in time after the pod's end-of-file."""
        if self._reading:  # else its end may have come, and is waited for from the next read on
            for event in self._machine.give_up(stream.id):
                self._handle(event)

    def _ended(self, stream_id: int, clean: bool, reason: str | None) -> None:
        if (stream := self._streams.pop(stream_id, None)) is None:
            return
        self._forget(stream)
        if stream.text is not None:
            stream.end(Ending(End.TEXT, stream.text))
        else:
            stream.end(Ending(End.CLEAN) if clean else Ending(End.CUT, reason))

    def _reply(self, data: bytes) -> None:
        if self._pipe.buffered > REPLIES_MAX:
            self._lose(SessionLost("the server asks and does not read"))
        elif not self._lost:
            self._pipe.write(data)

    def _forget(self, stream: Stream) -> None:
        """A stream left the session."""
        self._unanswered.discard(stream.id)
        self._vacate(stream)
        self.reader_changed()
        self._end_if_empty()
        if not self._lost:
            self._loop.call_soon(self._freed)

    def _vacate(self, stream: Stream) -> None:
        """The stream's local side ended: it occupies the session no longer."""
        if stream.local_done:
            return
        stream.local_done = True
        self._occupants -= 1
        self.used_at = self._loop.time()
        if not self._occupants and not self._lost:
            if self.held_back:
                self._ping()
            if stream.id in self._streams:  # else it has left, and that is told
                self._loop.call_soon(self._freed)

    def _freed(self) -> None:
        if not self._lost:
            self._owner.session_freed(self)

    def _end_if_empty(self) -> None:
        if not self._streams and not self._lost and self.worn:
            self.close()

    def _set_reading(self, on: bool) -> None:
        if on == self._reading or self._lost:
            return
        self._reading = on
        if on:
            self.liveness.excuse(self._loop.time())
            self._pipe.resume_reading()
            for stream in self._streams.values():
                if stream.timer is not None:
                    self._await_end(stream)
            self._owner.session_eased(self)
        else:
            self._pipe.pause_reading()

    def _ping(self) -> None:
        _, data = self._machine.ping()
        self._pipe.write(data)
        self.liveness.asked(self._loop.time())
        self._check()

    def _sent_on(self, stream_id: int) -> None:
        self._sent_since_heard = True
        self._unanswered.add(stream_id)

    def _check(self) -> None:
        """Ask the peer, bury it, or come back later."""
        if self._tick is not None:
            self._tick.cancel()
        if self._lost:
            return
        now = self._loop.time()
        check = self.liveness.check(
            now,
            busy=bool(self._streams),
            held_back=self.held_back or self._pipe.outstanding(),
        )
        if check.dead:
            self._lose(SessionLost(GIVEN_UP))
            return
        if check.ping:
            self._pipe.write(self._machine.ping()[1])
        self._tick = self._loop.call_later(check.again_s, self._check)
        self._drop_unanswered(now)

    def _drop_unanswered(self, now: float) -> None:
        """End the streams whose SYN_REPLY never came; the others go on."""
        for stream in [s for s in self._streams.values() if not s.accepted]:
            if now - stream.opened_at >= ANSWER_S and not stream.paused:
                self._cut(stream, f"no answer to a new stream for {ANSWER_S:g} s")

    def _lose(self, error: KfwdError) -> None:
        """Over: tell every stream, then the owner."""
        if self._lost:
            return
        self._lost = True
        if self._tick is not None:
            self._tick.cancel()
        if self._probe is not None:
            self._probe.cancel()
            self._probe = None
        if self.planned:
            self._pipe.close()
        else:
            self._pipe.abort()
        streams, self._streams = list(self._streams.values()), {}
        for stream in streams:
            stream.local_done = True
            stream.end(Ending(End.CUT, error.text))
        self._occupants = 0
        self._owner.session_lost(self, error)
