"""Which session a connection gets, and how many are kept, against a scripted server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import pytest

from kfwd.backoff import HEALTHY_S
from kfwd.errors import NotFound, UpgradeFailed
from kfwd.tunnel import channels as channels_module
from kfwd.tunnel import pod as pod_module
from kfwd.tunnel.channels import Channel
from kfwd.tunnel.pace import FEW, HELD_UP_S
from kfwd.tunnel.peak import Peak
from kfwd.tunnel.pod import PodSessions
from kfwd.tunnel.podref import PodRef, SessionCut
from kfwd.tunnel.pool import Pool
from kfwd.tunnel.stream import End, Flow, Stream
from kfwd.wire import spdy
from tests.tunnel.peer import DOWN, GONE, WAIT_S, Peer, Peers
from tests.tunnel.test_session import REFUSED, Reader
from tests.until import until
from tests.wire.test_channels import opened

POD = PodRef("ns", "p", "uid-1")


@pytest.fixture
async def pod(pool: Pool) -> PodSessions:
    return pool.pod(POD)


async def connected(pod: PodSessions, first: bytes = b"") -> tuple[Stream, Reader]:
    reader = Reader()
    async with asyncio.timeout(WAIT_S):
        return await pod.request(80, reader, lambda: first).stream, reader


async def until_free(pod: PodSessions, count: int) -> None:
    """Let the loop run until `count` sessions are free."""
    await until(lambda: len([s for s in pod._free() if s.fit]) == count)


async def end_cleanly(peer: Peer, stream: Stream, reader: Reader) -> None:
    await peer.opened()
    peer.end(stream.id)
    await reader.ending()


async def test_concurrent_connections_get_sessions_of_their_own(
    hub: Peers, pod: PodSessions
) -> None:
    await asyncio.gather(*(connected(pod) for _ in range(5)))
    assert hub.dials == 5
    assert len(pod) == 5


async def test_a_burst_dials_a_few_at_a_time_and_on_when_those_hang(
    hub: Peers, pod: PodSessions
) -> None:
    await connected(pod)
    hub.gate, before = asyncio.Event(), hub.dials
    waiting = asyncio.gather(*(connected(pod) for _ in range(20)))
    await until(lambda: hub.dials == before + FEW)
    begun = asyncio.get_running_loop().time()
    await until(lambda: hub.dials > before + FEW)
    assert asyncio.get_running_loop().time() - begun > HELD_UP_S / 2
    hub.gate.set()
    await waiting


async def test_a_session_that_nothing_occupies_is_used_again(hub: Peers, pod: PodSessions) -> None:
    for _ in range(20):
        stream, reader = await connected(pod)
        if not stream.id > 3:
            peer = await hub.next()
        await end_cleanly(peer, stream, reader)
        await until_free(pod, 1)
    assert hub.dials == 1
    assert stream.id == 4 * 20 - 1


async def test_a_free_session_is_had_at_once(hub: Peers, pod: PodSessions) -> None:
    assert pod.open_now(80, Reader(), bytes) is None
    stream, reader = await connected(pod)
    assert pod.open_now(80, Reader(), bytes) is None
    await end_cleanly(await hub.next(), stream, reader)
    await until_free(pod, 1)
    assert pod.open_now(80, Reader(), bytes) is not None
    assert hub.dials == 1


async def test_a_stream_whose_local_side_ended_frees_its_session(
    hub: Peers, pod: PodSessions
) -> None:
    stream, _ = await connected(pod)
    peer = await hub.next()
    await peer.opened()
    stream.finish()
    await until_free(pod, 1)
    second, reader = await connected(pod)
    assert second.id > stream.id
    await peer.opened()
    peer.data(second.id, b"ok")
    assert await reader.has(2) == b"ok"
    assert hub.dials == 1


async def test_a_tainted_session_is_not_used_again(hub: Peers, pod: PodSessions) -> None:
    stream, reader = await connected(pod)
    peer = await hub.next()
    await peer.opened()
    peer.text(stream.id, REFUSED)
    peer.data(stream.id, fin=True)
    assert (await reader.ending()).how is End.TEXT
    await connected(pod)
    assert hub.dials == 2


async def test_free_sessions_kept_are_the_peak_between_one_and_eight(
    hub: Peers, pod: PodSessions
) -> None:
    streams = [await connected(pod) for _ in range(12)]
    by_id = [await hub.next() for _ in range(12)]
    for (stream, reader), peer in zip(streams, by_id, strict=True):
        await end_cleanly(peer, stream, reader)
    await until_free(pod, 8)
    assert len(pod) == 8
    pod._peak = Peak(window=0.0)
    stream, reader = await connected(pod)
    stream.finish()
    await until_free(pod, 1)
    assert len(pod) == 1


async def test_a_second_burst_right_behind_the_first_dials_nothing(
    hub: Peers, pod: PodSessions
) -> None:
    for _ in range(2):
        for stream in [(await connected(pod))[0] for _ in range(12)]:
            stream.finish()
    assert hub.dials == 12


async def test_watching_keeps_one_session_warm(hub: Peers, pod: PodSessions) -> None:
    changed = asyncio.Event()
    stop = pod.watch(changed.set)
    await changed.wait()
    assert pod.good
    assert hub.dials == 1
    assert pod.open_now(80, Reader(), bytes) is not None
    stop()
    assert len(pod) == 1


async def test_a_spare_is_kept_for_each_of_the_recent_peak(hub: Peers, pod: PodSessions) -> None:
    stop = pod.watch(lambda: None)
    both = [await connected(pod), await connected(pod)]
    peers = [await hub.next(), await hub.next()]
    for (stream, reader), peer in zip(both, peers, strict=True):
        await end_cleanly(peer, stream, reader)
    await until_free(pod, 2)
    await connected(pod)
    (spare,) = pod._free()
    spare.close()
    await hub.next()
    await until_free(pod, 1)
    assert (hub.dials, len(pod)) == (3, 2)
    stop()


async def test_a_lost_session_is_dialled_again_and_counted(hub: Peers, pod: PodSessions) -> None:
    changes: asyncio.Queue[bool] = asyncio.Queue()
    stop = pod.watch(lambda: changes.put_nowait(pod.good))
    assert await changes.get()
    (await hub.next()).writer.transport.abort()
    assert not await changes.get()
    assert await changes.get()
    assert pod.reconnects == 1
    assert hub.dials == 2
    stop()


async def test_failed_dials_are_tried_again_while_somebody_waits(
    hub: Peers, pod: PodSessions
) -> None:
    hub.refuse = DOWN
    changes: asyncio.Queue[None] = asyncio.Queue()
    stop = pod.watch(lambda: changes.put_nowait(None))
    waiting = pod.request(80, Reader(), bytes)
    await changes.get()
    assert pod.error is DOWN
    assert not waiting.stream.done()
    hub.refuse = None
    pod.retry_now()
    async with asyncio.timeout(WAIT_S):
        await waiting.stream
    assert pod.error is None
    assert hub.dials >= 2
    stop()


async def test_nobody_waiting_means_no_dialling(hub: Peers, pool: Pool, pod: PodSessions) -> None:
    hub.refuse = DOWN
    opening = pod.request(80, Reader(), bytes)
    await until(lambda: pod.error)
    pod.withdraw(opening)
    pod.retry_now()
    await asyncio.sleep(0)
    assert hub.dials == 1


async def test_a_pod_that_is_gone_is_told_to_those_who_wait(hub: Peers, pod: PodSessions) -> None:
    hub.refuse = GONE
    with pytest.raises(NotFound):
        await connected(pod)
    assert pod.gone


async def test_a_stream_that_is_wanted_no_more_is_reset(hub: Peers, pod: PodSessions) -> None:
    opening = pod.request(80, Reader(), bytes)
    await until(opening.stream.done)
    pod.withdraw(opening)
    peer = await hub.next()
    reset = await peer.expect(spdy.RstStream)
    assert reset.status == spdy.RST_CANCEL


async def test_first_bytes_are_asked_for_when_the_session_is_there(
    hub: Peers, pod: PodSessions
) -> None:
    hub.gate = asyncio.Event()
    sent = []
    opening = pod.request(80, Reader(), lambda: sent.append("asked") or b"hello")  # type: ignore[func-returns-value]
    await asyncio.sleep(0)
    assert sent == []
    hub.gate.set()
    await opening.stream
    peer = await hub.next()
    assert await peer.received(await peer.opened(), 5) == b"hello"


async def test_beyond_the_cap_a_session_is_shared_on_other_workers(
    hub: Peers, pod: PodSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_module, "SESSIONS_MAX", 1)
    first, _ = await connected(pod)
    peer = await hub.next()
    await peer.opened()
    streams = [first]
    for _ in range(4):
        stream, _ = await connected(pod)
        await peer.opened()
        streams.append(stream)
    assert hub.dials == 1
    assert len({stream.id % 5 for stream in streams}) == 5
    waiting = pod.request(80, Reader(), bytes)
    await asyncio.sleep(0)
    assert not waiting.stream.done()
    streams[2].reset()
    async with asyncio.timeout(WAIT_S):
        stream = await waiting.stream
    assert stream.id % 5 == streams[2].id % 5


async def test_a_held_back_session_is_not_shared(
    hub: Peers, pod: PodSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_module, "SESSIONS_MAX", 1)
    stalled, _ = await connected(pod)
    stalled.pause_reading()
    waiting = pod.request(80, Reader(), bytes)
    await asyncio.sleep(0)
    assert not waiting.stream.done()
    stalled.reset()
    async with asyncio.timeout(WAIT_S):
        await waiting.stream


async def test_a_silent_session_is_asked_before_it_is_trusted(
    hub: Peers, pod: PodSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, reader = await connected(pod)
    peer = await hub.next()
    await end_cleanly(peer, stream, reader)
    await until_free(pod, 1)
    (session,) = pod._sessions
    session.liveness._heard -= 11
    assert pod.open_now(80, Reader(), bytes) is None
    waiting = pod.request(80, Reader(), bytes)
    ping = await peer.expect(spdy.Ping)
    assert not waiting.stream.done()
    assert pod.ping_s is None
    peer.send(spdy.ping(ping.ping_id))
    async with asyncio.timeout(WAIT_S):
        await waiting.stream
    assert hub.dials == 1
    assert pod.ping_s is not None


async def test_a_silent_session_that_does_not_answer_is_replaced(
    hub: Peers, pod: PodSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_module, "ASK_S", 0.05)
    stream, reader = await connected(pod)
    await end_cleanly(await hub.next(), stream, reader)
    await until_free(pod, 1)
    (session,) = pod._sessions
    session.liveness._heard -= 11
    await connected(pod)
    assert hub.dials == 2


async def test_idle_and_old_sessions_are_closed(hub: Peers, pod: PodSessions) -> None:
    stop = pod.watch(lambda: None)
    peer = await hub.next()
    await until_free(pod, 1)
    now = asyncio.get_running_loop().time()
    pod.tidy(now + pod_module.IDLE_S - 1)
    assert len(pod) == 1
    pod.tidy(now + pod_module.IDLE_S + 1)
    assert len(pod) == 0
    assert await peer.expect(spdy.GoAway)
    await asyncio.sleep(0)
    assert hub.dials == 1
    assert pod.good
    stop()


async def test_sessions_that_die_young_are_not_dialled_in_a_storm(
    hub: Peers, pod: PodSessions
) -> None:
    stop = pod.watch(lambda: None)
    end = asyncio.get_running_loop().time() + 0.3
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(end):
            while True:
                (await hub.next()).close()
    assert 1 < hub.dials < 20
    stop()


async def test_a_session_that_lived_long_is_dialled_again_at_once(
    hub: Peers, pod: PodSessions
) -> None:
    stop = pod.watch(lambda: None)
    peer = await hub.next()
    await until_free(pod, 1)
    (session,) = pod._sessions
    session.opened_at -= HEALTHY_S
    peer.close()
    await until(lambda: not session.alive)
    assert (pod._retry, pod._queue.dialling) == (None, 1)
    stop()


async def test_a_silent_session_with_bytes_on_the_way_is_not_waited_for(
    hub: Peers, pod: PodSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_module, "ASK_S", 60.0)
    stream, reader = await connected(pod)
    await end_cleanly(await hub.next(), stream, reader)
    await until_free(pod, 1)
    (session,) = pod._sessions
    session.liveness._heard -= 11
    session._sent_since_heard = True
    await connected(pod)
    assert hub.dials == 2


async def test_who_waits_at_the_cap_is_served_when_a_session_is_held_back_no_more(
    hub: Peers, pod: PodSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_module, "SESSIONS_MAX", 1)
    stream, _ = await connected(pod, b"unanswered")
    peer = await hub.next()
    waiting = pod.request(80, Reader(), bytes)
    await peer.opened(reply=False)
    assert not waiting.stream.done()
    peer.data(stream.id, b"answer")
    async with asyncio.timeout(WAIT_S):
        await waiting.stream
    assert hub.dials == 1


async def test_who_waits_at_the_cap_is_served_when_a_slow_reader_has_had_its_end(
    hub: Peers, pod: PodSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_module, "SESSIONS_MAX", 1)
    stream, reader = await connected(pod)
    peer = await hub.next()
    await peer.opened()
    stream.finish()
    stream.pause_reading()
    peer.data(stream.id, b"rest")
    waiting = pod.request(80, Reader(), bytes)
    await until(lambda: not pod._asked)
    assert not waiting.stream.done()
    stream.resume_reading()
    peer.end(stream.id)
    assert (await reader.ending()).how is End.CLEAN
    async with asyncio.timeout(WAIT_S):
        await waiting.stream


async def test_sessions_that_nobody_waits_for_any_more_are_not_kept(
    hub: Peers, pod: PodSessions
) -> None:
    hub.gate = asyncio.Event()
    stop = pod.watch(lambda: None)
    openings = [pod.request(80, Reader(), bytes) for _ in range(12)]
    await until(lambda: hub.dials == 12)
    for opening in openings:
        pod.withdraw(opening)
    hub.gate.set()
    await until(lambda: not pod._queue.dialling)
    await until(lambda: len(pod) == 1)
    stop()


async def test_a_server_that_asks_for_much_patience_is_asked_again_in_time(
    hub: Peers, pod: PodSessions
) -> None:
    hub.refuse = UpgradeFailed("too busy", status=429, retry_after_s=86_400.0)
    waiting = pod.request(80, Reader(), bytes)
    await until(lambda: pod._retry is not None)
    assert pod._retry is not None
    left = pod._retry.when() - asyncio.get_running_loop().time()
    assert 1 < left <= pod_module.RETRY_AFTER_MAX_S
    pod.withdraw(waiting)


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (Peer.close, "the connection to the API server ended"),
        (lambda peer: peer.send(spdy.goaway(0)), "the server closed the session (GOAWAY)"),
    ],
)
async def test_a_cut_is_told_with_the_sessions_age_and_silence(
    hub: Peers, pool: Pool, end: Callable[[Peer], None], reason: str
) -> None:
    cuts: list[SessionCut] = []
    pool.on_cut = cuts.append
    _, reader = await connected(pool.pod(POD))
    session = next(iter(pool.pod(POD)._sessions))
    session.opened_at -= 60
    session.liveness._heard = session.opened_at + 45
    end(await hub.next())
    await reader.ending()
    await until(lambda: cuts)
    (cut,) = cuts
    assert (cut.pod, round(cut.age_s), round(cut.idle_s)) == (POD, 60, 15)
    assert cut.reason.startswith(reason)


async def test_a_session_that_is_closed_by_us_is_no_cut(hub: Peers, pool: Pool) -> None:
    cuts: list[SessionCut] = []
    pool.on_cut = cuts.append
    _, reader = await connected(pool.pod(POD))
    next(iter(pool.pod(POD)._sessions)).close()
    await reader.ending()
    assert cuts == []


async def free_session(hub: Peers, pod: PodSessions) -> Peer:
    """A session that nothing occupies, seen from the server."""
    stream, reader = await connected(pod)
    peer = await hub.next()
    await end_cleanly(peer, stream, reader)
    await until_free(pod, 1)
    return peer


async def test_after_the_way_changed_a_session_that_answers_is_used_again(
    hub: Peers, pod: PodSessions
) -> None:
    peer = await free_session(hub, pod)
    pod.way_changed()
    hub.gate = asyncio.Event()
    waiting = pod.request(80, Reader(), bytes)
    assert not waiting.stream.done()
    question = await peer.expect(spdy.Ping)
    peer.send(spdy.ping(question.ping_id))
    async with asyncio.timeout(WAIT_S):
        await waiting.stream
    assert hub.dials == 2
    hub.gate.set()
    await hub.next()


async def test_after_the_way_changed_a_new_session_need_not_wait_for_an_old_one_to_answer(
    hub: Peers, pod: PodSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_module, "ASK_S", 3600.0)
    await free_session(hub, pod)
    pod.way_changed()
    await connected(pod)
    assert hub.dials == 2


async def test_after_the_way_changed_nobody_waits_for_a_back_off(
    hub: Peers, pool: Pool, pod: PodSessions
) -> None:
    hub.refuse = DOWN
    waiting = pod.request(80, Reader(), bytes)
    for _ in range(20):
        pod._backoff.failed(0.0)
    await until(lambda: pod._retry)
    hub.refuse = None
    pool.way_changed()
    assert pod._backoff.failures == 0
    async with asyncio.timeout(WAIT_S):
        await waiting.stream


async def channel(
    hub: Peers, pod: PodSessions, port: int = 80
) -> tuple[Flow, Reader, asyncio.StreamWriter]:
    """A connection of its own to a port of the pod, and the server's end of it."""
    reader = Reader()
    async with asyncio.timeout(WAIT_S):
        flow = await pod.request(port, reader, bytes).stream
    peer = await hub.next()
    peer.writer.write(opened(port))
    return flow, reader, peer.writer


@pytest.fixture
def channels(hub: Peers) -> Peers:
    """Only channels lead to the pods."""
    hub.transport = "channels"
    return hub


async def test_over_channels_nothing_is_kept_and_the_way_is_known_to_be_good(
    channels: Peers, pod: PodSessions
) -> None:
    stop = pod.watch(lambda: None)
    await until(lambda: pod.good)
    assert (len(pod), pod.transport, channels.ports) == (0, "channels", [None])
    flow, _, _ = await channel(channels, pod)
    assert channels.ports == [None, 80]
    flow.reset()
    assert (len(pod), pod.good) == (0, True)
    await asyncio.sleep(0.01)
    assert channels.dials == 2
    stop()


async def test_over_channels_each_connection_gets_its_own_to_its_port(
    channels: Peers, pod: PodSessions
) -> None:
    channels.gate = asyncio.Event()
    readers = [Reader() for _ in range(4)]
    ports = [80, 9000, 80, 9000]
    openings = [pod.request(p, r, bytes) for p, r in zip(ports, readers, strict=True)]
    await until(lambda: channels.dials == 4)
    assert channels.ports == ports
    channels.gate.set()
    async with asyncio.timeout(WAIT_S):
        flows = [await opening.stream for opening in openings]
    assert [flow.port for flow in flows if isinstance(flow, Channel)] == ports
    assert pod.open_now(80, Reader(), bytes) is None


async def test_a_channel_that_nobody_wants_any_more_is_closed(
    channels: Peers, pod: PodSessions
) -> None:
    channels.gate = asyncio.Event()
    opening = pod.request(80, Reader(), bytes)
    await until(lambda: channels.dials == 1)
    pod.withdraw(opening)
    channels.gate.set()
    peer = await channels.next()
    async with asyncio.timeout(WAIT_S):
        assert await peer.reader.read()
    assert len(pod) == 0


async def test_a_finished_channel_gives_its_place_to_who_waits(
    channels: Peers, pod: PodSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_module, "SESSIONS_MAX", 2)
    monkeypatch.setattr(channels_module, "YIELD_S", 0.05)
    first, left, _ = await channel(channels, pod)
    _, stays, _ = await channel(channels, pod)
    first.finish()
    third = pod.request(80, Reader(), bytes)
    await asyncio.sleep(0)
    assert channels.dials == 2
    async with asyncio.timeout(WAIT_S):
        await third.stream
    assert (await left.ending()).how is End.LEFT
    assert not stays.ended.done()
    assert len(pod) == 2


async def test_a_channel_that_is_cut_is_told_and_the_way_is_tried_again(
    channels: Peers, pool: Pool, pod: PodSessions
) -> None:
    cuts: list[SessionCut] = []
    pool.on_cut = cuts.append
    told: list[bool] = []
    stop = pod.watch(lambda: told.append(pod.good))
    await until(lambda: pod.good)
    _, reader, writer = await channel(channels, pod)
    writer.close()
    assert (await reader.ending()).how is End.CUT
    assert (len(cuts), pod.reconnects) == (1, 1)
    await until(lambda: pod.good)
    assert channels.ports[-1] is None
    assert told == [True, True, False, True]
    stop()


async def test_a_better_transport_is_kept_again_once_there_is_one(
    channels: Peers, pod: PodSessions
) -> None:
    stop = pod.watch(lambda: None)
    await until(lambda: pod.good)
    channels.transport = "spdy"
    await connected(pod)
    await until(lambda: pod.transport == "spdy")
    assert len(pod) == 1
    stop()


async def test_channels_end_with_the_pool(channels: Peers, pool: Pool, pod: PodSessions) -> None:
    _, reader, _ = await channel(channels, pod)
    await pool.close()
    assert (await reader.ending()).how is End.CUT
    assert len(pod) == 0
