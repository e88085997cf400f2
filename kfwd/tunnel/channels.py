"""One connection to a pod's port over a WebSocket of its own (`v4.channel.k8s.io`).

Rules of this file (design section 4). The pod is dialled when the WebSocket is opened, so there is
one for each connection and none to spare (2). No end-of-file can be sent: after the local one the
WebSocket stays open until the pod ends or 60 s are silent (13). PINGs are the WebSocket's (6).
What the bytes mean is `wire.channels`.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from typing import Protocol

from kfwd.errors import KfwdError, ProtocolError, SessionLost, WebSocketError
from kfwd.kube.pipe import Pipe
from kfwd.tunnel.liveness import Liveness
from kfwd.tunnel.session import GRACE_S, REPLIES_MAX
from kfwd.tunnel.stream import End, Ending, Sink
from kfwd.wire import channels as wire
from kfwd.wire.websocket import NORMAL

TRANSPORT = "channels"

LINGER_S = 60.0
"""How long the pod may be silent after the local end-of-file (rule 13)."""

YIELD_S = 1.0
"""Silent for so long after the local end-of-file, it may give its place to a new connection: over
the other transports containerd ends it then in any case (protocol notes L.3)."""

KEEP_S = 3600.0
"""PINGs do not reset the server's idle clock of 4 h, messages do (E.3)."""


class Owner(Protocol):
    """Who keeps a connection; called from the event loop."""

    def channel_over(self, channel: Channel, error: KfwdError | None) -> None:
        """It has ended; with `error` against our will. Called once, also after `close`."""

    def channel_yields(self, channel: Channel) -> None:
        """Its place may be given to another (`YIELD_S`)."""


class Channel:
    """The connection: a `Flow` once `open` gave it a sink.

    `rest` are the bytes that came behind the answer to the upgrade.
    """

    def __init__(self, pipe: Pipe, rest: bytes, port: int, owner: Owner) -> None:
        self.port = port
        self._loop = asyncio.get_running_loop()
        self._pipe = pipe
        self._rest = rest
        self._owner = owner
        self._machine = wire.ClientChannels(port)
        self._sink: Sink | None = None
        self.opened_at = self._sent_at = self._moved_at = self._loop.time()
        self.liveness = Liveness(self.opened_at)
        self._tick: asyncio.TimerHandle | None = None
        self._due: asyncio.TimerHandle | None = None
        self._lingering: asyncio.TimerHandle | None = None
        self._pending: deque[bytes] = deque()  # what was read when the sink asked to wait
        self._paused = False
        self._sent_since_heard = False
        self._finished = False
        self._over = False

    @property
    def may_yield(self) -> bool:
        """Whether a new connection may have its place."""
        return self._finished and not self._paused and self.silent_s >= YIELD_S

    @property
    def silent_s(self) -> float:
        """How long nothing has come from the pod, nor has the local side ended."""
        return self._loop.time() - self._moved_at

    def open(self, sink: Sink, first: bytes | memoryview = b"") -> Channel:
        """Carry `sink`'s bytes from now on, `first` first."""
        self._sink = sink
        self._pipe.attach(self)
        self._loop.call_soon(self._begin)  # the sink knows its flow then
        self._pipe.resume_reading()
        self.write(first)
        self._check()
        return self

    def _begin(self) -> None:
        rest, self._rest = self._rest, b""
        if rest and not self._over:
            self.data_received(memoryview(rest))

    def close(self, error: KfwdError | None = None) -> None:
        """End it; the sink is told of a cut."""
        self._end(Ending(End.CUT, error.text if error else "it was closed"))

    def doubt(self) -> None:
        """The way there may have changed: ask the peer now."""
        self.liveness.doubt(self._loop.time())
        self._check()

    def give_place(self) -> None:
        """End it for another one. The local side had ended before."""
        self._end(Ending(End.LEFT, "the pod was silent after the local end, and room was needed"))

    def write(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view and not (self._over or self._finished):
            self._sent_since_heard = True
            self._sent_at = self._loop.time()
            begin, payload = wire.message(view[: wire.MAX_DATA], os.urandom(4))
            self._pipe.write_frame(begin, memoryview(payload))
            view = view[wire.MAX_DATA :]

    def finish(self) -> None:
        if not (self._over or self._finished):
            self._finished = True
            self._moved_at = self._loop.time()
            self._linger()

    def reset(self) -> None:
        self._sink = None
        self._end(Ending(End.CUT))

    def pause_reading(self) -> None:
        self._paused = True
        self._pipe.pause_reading()

    def resume_reading(self) -> None:
        if not self._paused:
            return
        self._paused = False
        self._hand_on()
        if not (self._paused or self._over):
            self._moved_at = self._loop.time()
            self.liveness.excuse(self._moved_at)
            self._pipe.resume_reading()
            if self._finished:
                self._linger()

    def _hand_on(self) -> None:
        """Give the sink what was kept for it, as far as it takes it."""
        while self._pending and not self._paused and self._sink is not None:
            self._sink.stream_data(memoryview(self._pending.popleft()))

    def data_received(self, data: memoryview) -> None:
        self.liveness.heard(self._loop.time())
        self._sent_since_heard = False
        try:
            for event in self._machine.receive(data):
                self._handle(event)
        except ProtocolError as error:
            if isinstance(error, WebSocketError) and not self._over:
                self._pipe.write(wire.goodbye(error.close_code, os.urandom(4)))
            self._lose(error.text)

    def pipe_lost(self, error: Exception | None) -> None:
        self._begin()  # an end that came glued to it may be told first
        self._lose(f"the connection to the API server ended{f': {error}' if error else ''}")

    def pause_writing(self) -> None:
        if self._sink is not None:
            self._sink.pause_writing()

    def resume_writing(self) -> None:
        if self._sink is not None:
            self._sink.resume_writing()

    def _handle(self, event: wire.Event) -> None:
        if self._over:
            return
        match event:
            case wire.Received(data):
                self._received(data)
            case wire.Complained():
                self._due = self._loop.call_later(GRACE_S, self._give_up)
            case wire.Asked(payload):
                self._reply(payload)
            case wire.Ended(text, reason):
                self._ended(text, reason)

    def _received(self, data: memoryview) -> None:
        self._moved_at = self._loop.time()
        if self._paused:
            self._pending.append(bytes(data))
        elif self._sink is not None:
            self._sink.stream_data(data)

    def _reply(self, payload: bytes) -> None:
        if self._pipe.buffered > REPLIES_MAX:
            self._lose("the server asks and does not read")
        else:
            self._pipe.write(wire.pong(payload, os.urandom(4)))

    def _ended(self, text: str | None, reason: str | None) -> None:
        if text is not None:
            self._end(Ending(End.TEXT, text))
        elif reason is None:
            self._end(Ending(End.CLEAN))
        else:
            self._end(Ending(End.CUT, reason), SessionLost(reason))

    def _lose(self, reason: str) -> None:
        for event in self._machine.lost(reason):
            self._handle(event)

    def _give_up(self) -> None:
        """The close did not come in time after the runtime's words."""
        if self._paused:  # it may have come, and was not read
            self._due = self._loop.call_later(GRACE_S, self._give_up)
        else:
            self._lose("the server did not say how it ended")

    def _linger(self) -> None:
        """The local side has ended, which cannot be told: wait for the pod, but not for ever."""
        if self._lingering is not None:
            self._lingering.cancel()
        if self._paused:
            return
        silent = self.silent_s
        if silent >= LINGER_S:
            words = f"the pod was silent for {LINGER_S:g} s after the local end"
            self._end(Ending(End.LEFT, words))
        elif silent >= YIELD_S:
            self._lingering = self._loop.call_later(LINGER_S - silent, self._linger)
            self._owner.channel_yields(self)
        else:
            self._lingering = self._loop.call_later(YIELD_S - silent, self._linger)

    def _check(self) -> None:
        """Ask the peer, bury it, or come back later."""
        if self._tick is not None:
            self._tick.cancel()
        now = self._loop.time()
        check = self.liveness.check(
            now,
            busy=True,
            held_back=self._held_back or self._pipe.outstanding(),
        )
        if check.dead:
            self._lose("the server answers no more")
            return
        if check.ping:
            self._pipe.write(wire.ping(os.urandom(4)))
        if now - self._sent_at >= KEEP_S:
            self._sent_at = now
            self._pipe.write(wire.nothing(os.urandom(4)))
        self._tick = self._loop.call_later(check.again_s, self._check)

    @property
    def _held_back(self) -> bool:
        """Whether an answer may be stuck behind bytes that we or the pod do not take."""
        return self._paused or self._pipe.buffered > 0 or self._sent_since_heard

    def _end(self, ending: Ending, error: KfwdError | None = None) -> None:
        """Over: tell the sink, after what is kept for it, then the owner."""
        if self._over:
            return
        self._over = True
        for clock in (self._tick, self._due, self._lingering):
            if clock is not None:
                clock.cancel()
        if error is None:
            self._pipe.write(wire.goodbye(NORMAL, os.urandom(4)))
            self._pipe.close()
        else:
            self._pipe.abort()
        self._paused = False
        while self._sink is not None and self._pending:  # whether it wants to wait or not
            self._sink.stream_data(memoryview(self._pending.popleft()))
        if self._sink is not None:
            self._sink.stream_ended(ending)
        self._owner.channel_over(self, error)
