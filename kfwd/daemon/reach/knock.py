"""Whether something listens on a pod's port: a connection through a session of its own, unused."""

from __future__ import annotations

import asyncio
from typing import Protocol

from msgspec import Struct

from kfwd.errors import KfwdError
from kfwd.tunnel import channels
from kfwd.tunnel.channels import Channel
from kfwd.tunnel.dial import Dialled
from kfwd.tunnel.session import Session
from kfwd.tunnel.stream import End, Ending
from kfwd.wire.failure import Failure, classify

REFUSAL_S = 0.3
"""How soon a runtime says that nothing listens on a port; silence means that something does."""


class Dials(Protocol):
    """The way to sessions."""

    async def dial(self, namespace: str, pod: str, port: int | None) -> Dialled | None: ...


class Knock(Struct, frozen=True, kw_only=True):
    """What came of it, how long one round trip took (with `channels` the dial, which is one to the
    pod), and why it was of no use.
    """

    transport: str
    latency_ms: float
    refusal: str | None = None


async def knock(dials: Dials, namespace: str, pod: str, port: int, answer_s: float) -> Knock:
    """Open a connection to a port. Raises what `Dialer.dial` raises."""
    started = asyncio.get_running_loop().time()
    dialled = await dials.dial(namespace, pod, port)
    assert dialled is not None, "a port was asked for"
    if dialled.transport == channels.TRANSPORT:
        return await _carried(Channel(dialled.pipe, dialled.rest, port, _Owner()), _since(started))
    session = Session(dialled.pipe, dialled.transport, _Owner())
    session.start(dialled.rest)
    try:
        return await _opened(session, port, answer_s)
    finally:
        session.close()


async def _carried(channel: Channel, latency_ms: float) -> Knock:
    """See whether a connection that is dialled already is refused."""
    sink = _Sink()
    channel.open(sink)
    try:
        refusal = await sink.refusal(channel.port)
    finally:
        channel.close()
    return Knock(transport=channels.TRANSPORT, latency_ms=latency_ms, refusal=refusal)


async def _opened(session: Session, port: int, answer_s: float) -> Knock:
    """Open a stream and see whether it is refused."""
    sink = _Sink()
    started = asyncio.get_running_loop().time()
    session.open(port, sink)
    answers = await session.answers(answer_s)
    latency_ms = _since(started)
    silent = not answers and not sink.ended.done()
    refusal = "the session does not answer" if silent else await sink.refusal(port)
    return Knock(transport=session.transport, latency_ms=latency_ms, refusal=refusal)


def _since(started: float) -> float:
    return (asyncio.get_running_loop().time() - started) * 1000


class _Sink:
    """Takes what a stream brings and keeps how it ended."""

    def __init__(self) -> None:
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    def stream_data(self, *pieces: memoryview) -> None:
        pass

    def stream_ended(self, ending: Ending) -> None:
        if not self.ended.done():
            self.ended.set_result(ending)

    async def refusal(self, port: int) -> str | None:
        """Why nothing comes of it, within the time that a refusal takes; None where it is open or
        came to a clean end.
        """
        await asyncio.wait([self.ended], timeout=REFUSAL_S)
        ending = self.ended.result() if self.ended.done() else Ending(End.CLEAN)
        if ending.how is End.CLEAN:
            return None
        if ending.how is End.TEXT and classify(ending.reason or "") is Failure.REFUSED:
            return f"nothing listens on port {port}"
        return ending.reason or "it was cut"

    def pause_writing(self) -> None:
        pass

    def resume_writing(self) -> None:
        pass


class _Owner:
    """Nobody keeps the session of a trial."""

    def session_freed(self, session: Session) -> None:
        pass

    def session_eased(self, session: Session) -> None:
        pass

    def session_lost(self, session: Session, error: KfwdError) -> None:
        pass

    def channel_over(self, channel: Channel, error: KfwdError | None) -> None:
        pass

    def channel_yields(self, channel: Channel) -> None:
        pass
