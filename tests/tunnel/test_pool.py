"""The bounds that hold across pods."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from kfwd.errors import SessionLost
from kfwd.tunnel import pool as pool_module
from kfwd.tunnel.pod import PodRef
from kfwd.tunnel.pool import Pool
from tests.tunnel.peer import WAIT_S, Peers, peers
from tests.tunnel.test_pod import connected, until_free
from tests.tunnel.test_session import Reader


@pytest.fixture
async def hub() -> AsyncIterator[Peers]:
    async with peers() as running:
        yield running


@pytest.fixture
async def pool(hub: Peers) -> AsyncIterator[Pool]:
    pool = Pool("test", hub)  # type: ignore[arg-type]  # a dialer, without HTTP
    yield pool
    await pool.close()


def ref(name: str) -> PodRef:
    return PodRef("ns", name, f"uid-{name}")


async def test_a_pod_is_one_object_until_nobody_needs_it(pool: Pool) -> None:
    pod = pool.pod(ref("a"))
    assert pool.pod(ref("a")) is pod
    pool._tidy_now()
    assert pool.pod(ref("a")) is not pod


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
