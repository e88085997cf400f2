"""A session against a scripted server: client checks of protocol notes J.1 that need sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from kfwd.errors import KfwdError
from kfwd.tunnel import session as session_module
from kfwd.tunnel import stream as stream_module
from kfwd.tunnel.liveness import Liveness
from kfwd.tunnel.session import Session
from kfwd.tunnel.stream import End, Ending, Stream
from kfwd.wire import spdy
from tests.tunnel.peer import WAIT_S, Peer, Peers, peers
from tests.until import until

REFUSED = (
    "error forwarding port 9 to pod x, uid : dial tcp4 127.0.0.1:9: connect: connection refused"
)


class Keeper:
    """Owns a session and notes what it says."""

    def __init__(self) -> None:
        self.freed = asyncio.Event()
        self.eased = 0
        self.lost: asyncio.Future[KfwdError] = asyncio.get_running_loop().create_future()

    def session_freed(self, session: Session) -> None:
        self.freed.set()

    def session_eased(self, session: Session) -> None:
        self.eased += 1

    def session_lost(self, session: Session, error: KfwdError) -> None:
        self.lost.set_result(error)


class Reader:
    """A sink that keeps what comes."""

    def __init__(self) -> None:
        self.data = b""
        self.got = asyncio.Event()
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self.full = False

    def stream_data(self, *pieces: memoryview) -> None:
        self.data += b"".join(pieces)
        self.got.set()

    def stream_ended(self, ending: Ending) -> None:
        self.ended.set_result(ending)

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False

    async def has(self, size: int) -> bytes:
        async with asyncio.timeout(WAIT_S):
            while len(self.data) < size:
                self.got.clear()
                await self.got.wait()
        return self.data

    async def ending(self) -> Ending:
        async with asyncio.timeout(WAIT_S):
            return await self.ended


@pytest.fixture
async def hub() -> AsyncIterator[Peers]:
    async with peers() as running:
        yield running


async def start(hub: Peers, rest: bytes = b"") -> tuple[Session, Peer, Keeper]:
    dialled = await hub.dial("ns", "p")
    assert dialled is not None
    keeper = Keeper()
    session = Session(dialled.pipe, "spdy", keeper)
    session.start(rest)
    return session, await hub.next(), keeper


@pytest.fixture
async def running(hub: Peers) -> AsyncIterator[tuple[Session, Peer, Keeper]]:
    session, peer, keeper = await start(hub)
    yield session, peer, keeper
    session.close()


Running = tuple[Session, Peer, Keeper]


async def open_stream(session: Session, peer: Peer, first: bytes = b"") -> tuple[Stream, Reader]:
    reader = Reader()
    stream = session.open(8080, reader, first)
    assert await peer.opened() == stream.id
    return stream, reader


async def test_bytes_go_both_ways_and_a_clean_end_is_clean(running: Running) -> None:
    session, peer, keeper = running
    stream, reader = await open_stream(session, peer, b"he")
    stream.write(b"llo")
    assert await peer.received(stream.id, 5) == b"hello"
    peer.data(stream.id, b"world")
    peer.end(stream.id)
    assert await reader.ending() == Ending(End.CLEAN)
    assert reader.data == b"world"
    await keeper.freed.wait()
    assert not session.occupied
    assert session.fit


async def test_the_opening_frames_and_first_bytes_are_one_write(running: Running) -> None:
    session, peer, _ = running
    session.open(80, Reader(), b"first")
    data = await peer.reader.read(65536)
    kinds = [type(frame).__name__ for frame in spdy.Decoder().feed(data)]
    assert kinds == ["SynStream", "Data", "SynStream", "Data"]


async def test_bytes_glued_behind_the_101_are_answered(hub: Peers) -> None:
    session, peer, _ = await start(hub, rest=spdy.ping(2))
    assert await peer.frame() == spdy.Ping(2)
    session.close()


async def test_a_ping_is_answered_while_a_reader_stalls(running: Running) -> None:
    session, peer, _ = running
    stalled, _ = await open_stream(session, peer)
    await open_stream(session, peer)
    stalled.pause_reading()
    peer.data(stalled.id, bytes(100_000))
    peer.send(spdy.ping(2))
    assert await peer.expect(spdy.Ping) == spdy.Ping(2)


async def test_local_end_of_file_is_sent_once_and_bytes_still_come(running: Running) -> None:
    session, peer, _ = running
    stream, reader = await open_stream(session, peer)
    stream.finish()
    stream.finish()
    stream.write(b"too late")
    await peer.finished(stream.id)
    peer.data(stream.id, b"late answer")
    peer.end(stream.id)
    assert await reader.ending() == Ending(End.CLEAN)
    assert reader.data == b"late answer"
    session.close()
    rest = spdy.Decoder().feed(await peer.reader.read())
    assert [frame for frame in rest if isinstance(frame, spdy.Data)] == []


async def test_the_pods_end_of_file_waits_for_the_error_stream(running: Running) -> None:
    session, peer, _ = running
    stream, reader = await open_stream(session, peer)
    peer.data(stream.id, b"all", fin=True)
    await reader.has(3)
    peer.send(spdy.ping(2))
    await peer.expect(spdy.Ping)
    assert not reader.ended.done()
    peer.text(stream.id, REFUSED)
    assert await reader.ending() == Ending(End.TEXT, REFUSED)


async def test_an_error_stream_that_never_ends_is_given_up(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "GRACE_S", 0.05)
    session, peer, _ = running
    stream, reader = await open_stream(session, peer)
    peer.data(stream.id, b"all", fin=True)
    ending = await reader.ending()
    assert ending.how is End.CUT
    assert reader.data == b"all"


async def test_a_text_belongs_to_its_connection_and_taints_the_session(running: Running) -> None:
    session, peer, keeper = running
    refused, bad = await open_stream(session, peer)
    other, good = await open_stream(session, peer)
    peer.data(refused.id, fin=True)
    peer.text(refused.id, REFUSED)
    assert (await bad.ending()).how is End.TEXT
    assert session.worn
    other.write(b"still here")
    assert await peer.received(other.id, 10) == b"still here"
    peer.data(other.id, b"yes")
    assert await good.has(3) == b"yes"
    assert not keeper.lost.done()
    peer.end(other.id)
    assert await good.ending() == Ending(End.CLEAN)
    await keeper.lost
    assert session.planned


async def test_a_refused_stream_ends_alone(running: Running) -> None:
    session, peer, _ = running
    reader = Reader()
    stream = session.open(70, reader)
    await peer.opened(reply=False)
    peer.send(spdy.rst_stream(stream.id - 2, spdy.RST_CANCEL))
    peer.send(spdy.rst_stream(stream.id, spdy.RST_CANCEL))
    assert (await reader.ending()).how is End.CUT
    _, next_reader = await open_stream(session, peer)
    peer.data(stream.id + 4, b"fine")
    assert await next_reader.has(4) == b"fine"


async def test_no_answer_to_a_stream_ends_it_and_no_other(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, peer, keeper = running
    other, good = await open_stream(session, peer)
    reader = Reader()
    session.open(80, reader)
    await peer.opened(reply=False)
    monkeypatch.setattr(session_module, "ANSWER_S", 0.0)
    session._check()
    assert (await reader.ending()).how is End.CUT
    peer.data(other.id, b"alive")
    assert await good.has(5) == b"alive"
    assert not keeper.lost.done()
    assert session.worn


async def test_go_away_cuts_every_connection(running: Running) -> None:
    session, peer, keeper = running
    readers = [(await open_stream(session, peer))[1] for _ in range(3)]
    peer.send(spdy.goaway(5))
    assert {(await reader.ending()).how for reader in readers} == {End.CUT}
    assert "GOAWAY" in (await keeper.lost).text
    assert session.worn


async def test_a_lost_session_is_a_cut_not_an_end(running: Running) -> None:
    session, peer, keeper = running
    _, reader = await open_stream(session, peer)
    peer.writer.transport.abort()
    assert (await reader.ending()).how is End.CUT
    await keeper.lost
    assert not session.planned


async def test_bytes_that_are_no_spdy_end_the_session(running: Running) -> None:
    session, peer, keeper = running
    _, reader = await open_stream(session, peer)
    peer.send(b"\x80\x03\x00\x05" + bytes(8))
    assert (await reader.ending()).how is End.CUT
    assert (await keeper.lost).code == "protocol-error"


async def test_a_stalled_reader_of_its_own_session_stops_the_reading(running: Running) -> None:
    session, peer, _ = running
    stream, reader = await open_stream(session, peer)
    stream.pause_reading()
    assert session.held_back
    assert not session.fit
    peer.data(stream.id, b"x" * 1000)
    stream.resume_reading()
    assert len(await reader.has(1000)) == 1000


async def test_a_stalled_reader_on_a_shared_session_lets_others_pass(running: Running) -> None:
    session, peer, _ = running
    stalled, _ = await open_stream(session, peer)
    other, good = await open_stream(session, peer)
    stalled.pause_reading()
    for _ in range(30):
        peer.data(stalled.id, bytes(100_000))
    peer.data(other.id, b"passed")
    assert await good.has(6) == b"passed"
    assert stalled.pending == 3_000_000


async def test_a_stalled_reader_costs_at_most_four_megabytes(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "STALL_S", 0.2)
    session, peer, _ = running
    stalled, reader = await open_stream(session, peer)
    other, good = await open_stream(session, peer)
    stalled.pause_reading()
    for _ in range(100):
        peer.data(stalled.id, bytes(100_000))
    peer.data(other.id, b"after")
    ending = await reader.ending()
    assert ending.how is End.CUT
    assert "stalled" in str(ending.reason)
    assert len(reader.data) <= stream_module.PENDING_MAX + 300_000
    assert await good.has(5) == b"after"


async def test_a_slow_reader_does_not_turn_a_clean_end_into_a_cut(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "GRACE_S", 0.05)
    session, peer, _ = running
    stream, reader = await open_stream(session, peer)
    stream.pause_reading()
    session.data_received(spdy.data_header(stream.id, 4, fin=True) + b"tail")
    peer.data(peer.error_of[stream.id], fin=True)
    assert await reader.ending() == Ending(End.CLEAN)
    assert reader.data == b"tail"


async def test_no_end_is_given_up_while_nothing_is_read(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "GRACE_S", 0.05)
    monkeypatch.setattr(stream_module, "PENDING_MAX", 1)
    session, peer, _ = running
    stream, reader = await open_stream(session, peer)
    stream.pause_reading()
    session.data_received(spdy.data_header(stream.id, 4, fin=True) + b"tail")
    assert session.held_back
    peer.data(peer.error_of[stream.id], fin=True)
    await asyncio.sleep(0.1)  # nothing may happen: there is no event to wait for
    stream.resume_reading()
    assert await reader.ending() == Ending(End.CLEAN)


async def test_one_that_reads_in_sips_does_not_fill_up_another(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "PENDING_MAX", 1000)
    session, peer, _ = running
    stalled, _ = await open_stream(session, peer)
    sipping, _ = await open_stream(session, peer)
    stalled.pause_reading()
    session.data_received(spdy.data_header(stalled.id, 1000) + bytes(1000))
    sipping.pause_reading()
    sipping.resume_reading()
    assert session.held_back


async def test_a_stream_that_stalls_beside_one_that_drains_is_watched_too(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "STALL_S", 0.05)
    session, peer, _ = running
    draining, _ = await open_stream(session, peer)
    stalled, reader = await open_stream(session, peer)
    draining.finish()
    stalled.pause_reading()
    assert "stalled" in str((await reader.ending()).reason)


async def test_a_stalled_reader_that_is_alone_again_is_left_in_peace(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "STALL_S", 0.05)
    session, peer, _ = running
    stalled, reader = await open_stream(session, peer)
    other, _ = await open_stream(session, peer)
    stalled.pause_reading()
    other.reset()
    await asyncio.sleep(0.1)  # nothing may happen: there is no event to wait for
    assert not reader.ended.done()
    assert session.held_back


async def test_every_stream_without_an_answer_ends_even_where_the_session_ends_with_them(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, _, keeper = running
    occupying, finished = Reader(), Reader()
    session.open(80, occupying, b"unanswered")
    session.open(80, finished).finish()
    monkeypatch.setattr(session_module, "ANSWER_S", 0.0)
    session._check()
    assert (await occupying.ending()).how is (await finished.ending()).how is End.CUT
    await keeper.lost


async def test_a_reset_session_with_bytes_on_the_way_is_not_used_again(running: Running) -> None:
    session, peer, keeper = running
    stream, _ = await open_stream(session, peer)
    stream.write(bytes(1000))
    stream.reset()
    await keeper.lost
    assert session.planned


async def test_a_reset_after_an_answer_leaves_the_session_usable(running: Running) -> None:
    session, peer, keeper = running
    stream, reader = await open_stream(session, peer, b"ask")
    peer.data(stream.id, b"answer")
    await reader.has(6)
    stream.reset()
    await keeper.freed.wait()
    assert session.fit
    next_stream, _ = await open_stream(session, peer)
    assert next_stream.id > stream.id


async def test_bytes_that_meet_the_pods_end_wear_the_session(running: Running) -> None:
    session, peer, keeper = running
    stream, reader = await open_stream(session, peer)
    stream.write(b"too late for the pod")
    assert await peer.received(stream.id, 20)
    peer.end(stream.id)
    assert (await reader.ending()).how is End.CLEAN
    await keeper.lost
    assert session.planned


async def test_nothing_is_sent_after_the_pods_end(running: Running) -> None:
    session, peer, _ = running
    stream, reader = await open_stream(session, peer, b"ask")
    peer.data(stream.id, b"answer", fin=True)
    await reader.has(6)
    await until(lambda: stream.remote_done)
    stream.write(b"more")
    stream.finish()
    sent = [await peer.expect(spdy.Data), await peer.expect(spdy.Data)]
    assert [(frame.payload, frame.fin) for frame in sent] == [(b"ask", False), (b"", True)]
    peer.data(peer.error_of[stream.id], fin=True)
    assert (await reader.ending()).how is End.CLEAN
    assert not session.worn


async def test_unanswered_bytes_hold_a_session_back_until_something_comes(running: Running) -> None:
    session, peer, _ = running
    stream, _ = await open_stream(session, peer)
    stream.write(b"upload")
    assert session.held_back
    stream.finish()
    ping = await peer.expect(spdy.Ping)
    peer.send(spdy.ping(ping.ping_id))
    assert await session.answers(WAIT_S)
    assert not session.held_back
    assert stream.id in session._unanswered


async def test_silence_after_two_questions_is_death(hub: Peers) -> None:
    session, peer, keeper = await start(hub)
    _, reader = await open_stream(session, peer)
    now = asyncio.get_running_loop().time()
    session.liveness = Liveness(now - 14.1)
    session.liveness.check(now - 9.1, busy=True, held_back=False)
    session.liveness.check(now - 8.1, busy=True, held_back=False)
    session._check()
    assert (await reader.ending()).how is End.CUT
    assert (await keeper.lost).text == "the server answers no more"


async def test_a_session_that_is_doubted_asks_at_once(running: Running) -> None:
    session, peer, _ = running
    assert not session.silent
    session.doubt()
    assert session.silent
    question = await peer.expect(spdy.Ping)
    peer.send(spdy.ping(question.ping_id))
    await until(lambda: not session.silent)


async def test_a_peer_that_tcp_has_not_delivered_everything_to_is_not_declared_dead(
    hub: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, peer, _ = await start(hub)
    await open_stream(session, peer)
    now = asyncio.get_running_loop().time()
    session.liveness = Liveness(now - 14.1)
    session.liveness.check(now - 9.1, busy=True, held_back=False)
    session.liveness.check(now - 8.1, busy=True, held_back=False)
    monkeypatch.setattr(session._pipe, "outstanding", lambda: True)
    session._check()
    assert session.alive
    session.close()


async def test_a_peer_that_only_asks_is_cut_off(running: Running) -> None:
    _, peer, keeper = running
    peer.writer.transport.pause_reading()
    flood = spdy.ping(2) * 50_000
    for _ in range(40):
        peer.send(flood)
    assert "does not read" in (await keeper.lost).text


async def test_a_full_pipe_tells_the_sinks(running: Running) -> None:
    session, peer, _ = running
    stream, reader = await open_stream(session, peer)
    peer.writer.transport.pause_reading()
    while not reader.full:
        stream.write(bytes(1_000_000))
    peer.writer.transport.resume_reading()
    async with asyncio.timeout(WAIT_S):
        while reader.full:
            await peer.frame()
