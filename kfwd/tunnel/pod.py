"""The sessions to one pod: which one a new connection gets, and how many are kept.

Rules of this file (design section 4, rules 2, 9, 10). A connection gets a session of its own: one
that nothing occupies, or a new one. Only when no more may be dialled is one shared, and else the
connection waits. Some free sessions are kept: as many as connections were opened at once in the
last minute, between 1 and 8; more end after 2 s without use, any after 10 minutes. Where only
`channels` lead to the pod each connection is dialled for: one kept would be one to the pod.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from kfwd.backoff import HEALTHY_S, Backoff
from kfwd.errors import ApiError, KfwdError, NotFound
from kfwd.tunnel import channels
from kfwd.tunnel.channels import Channel
from kfwd.tunnel.pace import HELD_UP_S, Pace
from kfwd.tunnel.peak import Peak
from kfwd.tunnel.podref import PodRef, SessionCut
from kfwd.tunnel.queue import Queue
from kfwd.tunnel.session import Session
from kfwd.tunnel.stream import Opening, Sink, Stream

if TYPE_CHECKING:
    from kfwd.tunnel.pool import Pool

SESSIONS_MAX = 64
FREE_MIN, FREE_MAX = 1, 8
IDLE_S = 600.0
SURPLUS_S = 2.0
"""After a burst the next one is near: how long surplus free sessions may lie unused."""

ASK_S = 1.0

RETRY_AFTER_MAX_S = 30.0
"""A server that asks for more patience is asked again no later than this."""


class PodSessions:
    """All sessions to one pod. Made and forgotten by the pool."""

    def __init__(self, pod: PodRef, pool: Pool, backoff: Backoff) -> None:
        self.pod = pod
        self.error: KfwdError | None = None
        self.good = False
        self.reconnects = 0
        self.transport: str | None = None
        self._loop = asyncio.get_running_loop()
        self._pool = pool
        self._backoff = backoff
        self._sessions: set[Session] = set()
        self._channels: set[Channel] = set()
        self._asked: set[Session] = set()
        self._queue = Queue()
        self._retry: asyncio.TimerHandle | None = None
        self._surplus: asyncio.TimerHandle | None = None
        self._parked = False
        self._peak = Peak()
        self._pace = Pace()
        self.watchers: set[Callable[[], None]] = set()

    def __len__(self) -> int:
        """Sessions that are up or being dialled."""
        return len(self._sessions) + len(self._channels) + self._queue.dialling

    @property
    def idle(self) -> bool:
        """Whether nobody would miss this. While it rests its back-off would be missed."""
        return not (self.watchers or self._queue or len(self) or self._retry)

    @property
    def ping_s(self) -> float | None:
        """The quickest answer to a PING on a session that is up."""
        known = (session.liveness.round_trip_s for session in self._sessions)
        return min((ping for ping in known if ping is not None), default=None)

    @property
    def waiting(self) -> bool:
        return bool(self._queue)

    @property
    def gone(self) -> bool:
        """Whether the API server or the kubelet says that there is no such pod (yet)."""
        return isinstance(self.error, NotFound)

    def open_now(self, port: int, sink: Sink, first: Callable[[], bytes]) -> Stream | None:
        """A stream on a session that is free and trusted right now, if there is one."""
        if self._queue:
            return None
        session = self._free_session()
        return self._open(session, port, sink, first()) if session else None

    def request(self, port: int, sink: Sink, first: Callable[[], bytes]) -> Opening:
        """Ask for a stream; `Opening.stream` has it as soon as there is a session for it.

        It fails with `NotFound` when the pod is gone. Other failures are tried again until the
        caller withdraws.
        """
        opening = Opening(port, sink, first)
        if self.error is not None and self.gone and not self._sessions:
            opening.fail(self.error)
            return opening
        self._queue.add(opening)
        self._parked = False
        self.assign()
        return opening

    def withdraw(self, opening: Opening) -> None:
        """The stream is wanted no more; one that is there already is reset."""
        if self._queue.remove(opening):
            self._pool.tidy_soon()
        opening.abandon()

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Keep a session up while anybody watches; returns the way to stop."""
        self.watchers.add(changed)
        self._parked = False
        self.assign()

        def stop() -> None:
            self.watchers.discard(changed)
            if not self.watchers:
                self._release_free(keep=0)
            self._pool.tidy_soon()

        return stop

    def retry_now(self) -> None:
        """Something about the pod changed: do not wait for the back-off."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
            self.assign()

    def way_changed(self) -> None:
        """Ask every session whether it is still there, and dial as if nothing had failed yet."""
        self._backoff.restart()
        self._pace.restart()
        for session in list(self._sessions):
            session.doubt()
        for channel in list(self._channels):
            channel.doubt()
        self.retry_now()

    def assign(self) -> None:
        """Give sessions to those who wait, and dial what is missing."""
        while self._queue and (session := self._free_session()):
            self._serve(session)
        for session in self._to_ask():
            self._asked.add(session)
            self._pool.tasks.spawn(self._ask(session), f"ask {self.pod.name}")
        while self._wants_dial() and self._may_dial():
            now, port = self._loop.time(), self._queue.dial()
            self._pace.began(now)
            self._pool.tasks.spawn(self._dial(port, now), f"dial {self.pod.name}")
        if self._pool.full or not self._room():
            self._share()

    def session_freed(self, session: Session) -> None:
        if session.worn:
            session.retire()
        elif session.held_back and not session.occupied:
            self._pool.tasks.spawn(self._ask(session), f"ask {self.pod.name}")
        else:
            self.assign()
            self._count_surplus()
        self._pool.room_made()

    def session_eased(self, session: Session) -> None:
        if self._queue:
            self._loop.call_soon(self.assign)

    def session_lost(self, session: Session, error: KfwdError) -> None:
        self._sessions.discard(session)
        self._asked.discard(session)
        if not session.planned:
            self._was_cut(session, error)
        self.assign()
        self._pool.room_made()

    def channel_over(self, channel: Channel, error: KfwdError | None) -> None:
        self._channels.discard(channel)
        if error is not None:
            self._was_cut(channel, error)
        self.assign()
        self._pool.room_made()

    def channel_yields(self, channel: Channel) -> None:
        self._pool.room_made()

    def _was_cut(self, session: Session | Channel, error: KfwdError) -> None:
        self._pool.on_cut(self._cut(session, error))
        if not (self._sessions or self._channels):
            self.reconnects += 1
            self.good = False
            self.error = error
            self._changed()
        if self._loop.time() - session.opened_at < HEALTHY_S:
            self._rest(error)

    def _cut(self, session: Session | Channel, error: KfwdError) -> SessionCut:
        now = self._loop.time()
        age, idle = now - session.opened_at, now - session.liveness.heard_at
        return SessionCut(pod=self.pod, age_s=age, idle_s=idle, reason=error.text)

    def tidy(self, now: float) -> None:
        """Close what is too old or carried nothing for long."""
        for session in self._free():
            if session.worn:
                session.retire()
            elif now - session.used_at >= IDLE_S:
                self._parked = True
                session.retire()

    def give_up_free(self) -> bool:
        """End a free session so that another pod may have one; False when there is none."""
        free = [session for session in self._free() if not session.streams]
        if free:
            self._parked = True
            min(free, key=lambda session: session.used_at).retire()
        return bool(free) or self.give_up_finished()

    def give_up_finished(self) -> bool:
        """End a connection whose local side ended and whose pod is silent; False without one."""
        finished = [channel for channel in self._channels if channel.may_yield]
        if finished:
            max(finished, key=lambda channel: channel.silent_s).give_place()
        return bool(finished)

    def close(self, error: KfwdError) -> None:
        """End everything."""
        for timer in filter(None, (self._retry, self._surplus)):
            timer.cancel()
        self._queue.fail(error)
        for session in list(self._sessions):
            session.close(error)
        for channel in list(self._channels):
            channel.close(error)

    def _free(self) -> list[Session]:
        return [s for s in self._sessions if not s.occupied and s not in self._asked]

    def _free_session(self) -> Session | None:
        """The trusted free session that was used last: the others may then go idle."""
        fit = [s for s in self._free() if s.fit and not s.silent]
        return max(fit, key=lambda session: session.used_at, default=None)

    def _to_ask(self) -> list[Session]:
        fit = [s for s in self._free() if s.fit and s.silent]
        return fit[: max(0, len(self._queue) - len(self._asked))]

    @property
    def _unserved(self) -> int:
        """Connections that wait and that nothing is on the way for.

        After the network changed a dial may well be done sooner than an old session answers.
        """
        promising = sum(1 for session in self._asked if not session.liveness.doubted)
        return len(self._queue) - self._queue.dialling - promising

    def _room(self) -> bool:
        return len(self) < SESSIONS_MAX

    def _may_dial(self) -> bool:
        """Whether there is room for one session more, or can be made."""
        if not self._room():
            self.give_up_finished()
        paced = self._pace.admits(self._loop.time())
        return paced and self._room() and self._pool.admits(self)

    @property
    def _one_each(self) -> bool:
        """Whether a session would be a connection to the pod, and the way there is good."""
        return self.good and self.transport == self._pool.transport == channels.TRANSPORT

    def _wants_dial(self) -> bool:
        if self._retry is not None:
            return False
        if self._unserved > 0:
            return True
        # Never more than are kept when all are free: a session more would be closed and dialled
        # again with every burst.
        missing = len(self) < self._keep() and not (self._free() or self._one_each)
        return bool(self.watchers) and missing and not (self._parked or self._queue)

    def _keep(self) -> int:
        return max(FREE_MIN, min(FREE_MAX, self._peak.get(self._loop.time())))

    def _release_free(self, keep: int, unused_s: float = 0.0) -> None:
        """End free sessions but the `keep` that were used last, if unused for so long."""
        now = self._loop.time()
        for session in sorted(self._free(), key=lambda s: s.used_at, reverse=True)[keep:]:
            if now - session.used_at >= unused_s:
                session.retire()

    def _count_surplus(self) -> None:
        if self._surplus is None and len(self._free()) > self._keep():
            self._surplus = self._loop.call_later(SURPLUS_S, self._release_surplus)

    def _release_surplus(self) -> None:
        self._surplus = None
        self._release_free(self._keep(), SURPLUS_S)
        self._count_surplus()

    def _serve(self, session: Session) -> None:
        self._queue.serve(lambda o: self._open(session, o.port, o.sink, o.first()))

    def _give(self, channel: Channel) -> None:
        """A connection to one port is there: give it to the first who waits for that."""
        self._channels.add(channel)
        if not self._queue.serve_port(channel.port, lambda o: channel.open(o.sink, o.first())):
            channel.close()

    def _open(self, session: Session, port: int, sink: Sink, first: bytes) -> Stream:
        stream = session.open(port, sink, first)
        occupied = sum(1 for each in self._sessions if each.occupied)
        self._peak.note(self._loop.time(), occupied)
        if self._wants_dial():
            self._loop.call_soon(self.assign)
        return stream

    def _share(self) -> None:
        """No session may be dialled: put connections on sessions that can bear them."""
        while self._unserved > 0:
            fit = [s for s in self._sessions if s.can_share()]
            if not fit:
                return
            self._serve(min(fit, key=lambda session: session.streams))

    async def _ask(self, session: Session) -> None:
        """Trust a session again once it answers; close one that does not."""
        answers = await session.answers(ASK_S)
        self._asked.discard(session)
        if not answers and session.alive and not session.held_back:
            session.retire()
        self.assign()

    async def _dial(self, port: int | None, begun: float) -> None:
        try:
            session = await self._connect(port, begun)
        except KfwdError as error:
            self._failed(error)
        else:
            self._connected(session)

    async def _connect(self, port: int | None, begun: float) -> Session | Channel | None:
        """A new session; it counts as being dialled until it is there or not to be had."""
        late, session = self._loop.call_later(HELD_UP_S, self.assign), None
        try:
            session = await self._pool.connect(self.pod, self, port)
            return session
        finally:
            late.cancel()
            self._queue.dial_ended(port)
            self._pace.ended(begun, self._loop.time(), good=session is not None)

    def _connected(self, session: Session | Channel | None) -> None:
        self._backoff.succeeded(self._loop.time())
        self.good, self.error, self.transport = True, None, channels.TRANSPORT
        if isinstance(session, Session):
            self.transport = session.transport
            self._sessions.add(session)
        elif session is not None:
            self._give(session)
        self.assign()
        self._count_surplus()
        self._changed()

    def _failed(self, error: KfwdError) -> None:
        self.good, self.error = False, error
        if self.gone:
            self._queue.fail(error)
        self._rest(error)
        self._changed()

    def _rest(self, error: KfwdError) -> None:
        """Dial no more until the back-off, and what the server asks for, is over."""
        if self._retry is None:
            delay = self._backoff.failed(self._loop.time())
            asked = (error.retry_after_s if isinstance(error, ApiError) else None) or 0.0
            self._retry = self._loop.call_later(
                max(delay, min(asked, RETRY_AFTER_MAX_S)), self._try_again
            )

    def _try_again(self) -> None:
        self._retry = None
        self.assign()
        self._pool.tidy_soon()

    def _changed(self) -> None:
        for changed in list(self.watchers):
            changed()
