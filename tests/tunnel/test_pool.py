"""The bounds that hold across pods."""

from __future__ import annotations

import asyncio

import pytest

from kfwd.errors import SessionLost
from kfwd.tunnel import pool as pool_module
from kfwd.tunnel.podref import PodRef
from kfwd.tunnel.pool import Pool
from tests.tunnel.peer import DOWN, WAIT_S, Peers
from tests.tunnel.test_pod import connected, until_free
from tests.tunnel.test_session import Reader
from tests.until import until


def ref(name: str) -> PodRef:
    return PodRef("ns", name, f"uid-{name}")


async def test_a_pod_is_one_object_until_nobody_needs_it(pool: Pool) -> None:
    pod = pool.pod(ref("a"))
    assert pool.pod(ref("a")) is pod
    pool._tidy_now()
    assert pool.pod(ref("a")) is not pod


async def test_a_pod_is_not_forgotten_while_it_rests(hub: Peers, pool: Pool) -> None:
    hub.refuse = DOWN
    pod = pool.pod(ref("a"))
    stop = pod.watch(lambda: None)
    await until(lambda: pod._retry)
    stop()
    pool._tidy_now()
    assert pool.pod(ref("a")) is pod, "a new one would be dialled at once, as often as it is asked"
    await until(lambda: not pool._pods)
    assert hub.dials == 1


async def test_a_free_session_of_another_pod_gives_way_at_the_cap(
    hub: Peers, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "SESSIONS_MAX", 1)
    first = pool.pod(ref("a"))
    stream, _ = await connected(first)
    second = pool.pod(ref("b"))
    waiting = second.request(80, Reader(), bytes)
    await asyncio.sleep(0)
    assert hub.pods == ["a"]
    stream.reset()
    async with asyncio.timeout(WAIT_S):
        await waiting.stream
    assert hub.pods == ["a", "b"]
    assert (len(first), len(second)) == (0, 1)


async def test_closing_ends_sessions_and_those_who_wait(hub: Peers, pool: Pool) -> None:
    pod = pool.pod(ref("a"))
    _, reader = await connected(pod)
    hub.gate = asyncio.Event()
    waiting = pod.request(80, Reader(), bytes)
    await asyncio.sleep(0)
    assert await pool.close() == []
    assert (await reader.ending()).how.value == "cut"
    with pytest.raises(SessionLost):
        await waiting.stream
    with pytest.raises(SessionLost):
        pool.pod(ref("b"))


async def test_sessions_outlive_the_forward_that_opened_them(hub: Peers, pool: Pool) -> None:
    pod = pool.pod(ref("a"))
    stop = pod.watch(lambda: None)
    again = pod.watch(lambda: None)
    await until_free(pod, 1)
    stop()
    assert len(pod) == 1
    again()
    assert len(pod) == 0


async def test_a_session_that_still_drains_makes_no_room(
    hub: Peers, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "SESSIONS_MAX", 1)
    stream, _ = await connected(pool.pod(ref("a")))
    stream.finish()
    waiting = pool.pod(ref("b")).request(80, Reader(), bytes)
    await asyncio.sleep(0)
    assert (hub.pods, len(pool)) == (["a"], 1)
    stream.reset()
    async with asyncio.timeout(WAIT_S):
        await waiting.stream
    assert len(pool) == 1


async def test_a_free_session_does_not_give_way_to_nobody(
    hub: Peers, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "SESSIONS_MAX", 2)
    free = pool.pod(ref("a"))
    stop = free.watch(lambda: None)
    await until_free(free, 1)
    hub.gate = asyncio.Event()
    other = pool.pod(ref("b"))
    opening = other.request(80, Reader(), bytes)
    other.assign()
    assert (len(free), len(other)) == (1, 1)
    hub.gate.set()
    async with asyncio.timeout(WAIT_S):
        await opening.stream
    stop()


async def test_closing_puts_nobody_on_a_session_that_is_about_to_end(
    hub: Peers, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "SESSIONS_MAX", 2)
    pod = pool.pod(ref("a"))
    for _ in range(2):
        await connected(pod, b"unanswered")
    reads: list[bytes] = []

    def first() -> bytes:
        reads.append(b"from the application")
        return reads[-1]

    waiting = pod.request(80, Reader(), first)
    for session in pod._sessions:
        session._sent_since_heard = False
    await pool.close()
    assert isinstance(waiting.stream.exception(), SessionLost)
    assert not reads
