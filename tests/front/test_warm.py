"""Sessions kept to every pod that may be chosen."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kfwd.front.warm import Warm
from kfwd.tunnel.pool import Pool
from kfwd.wire import spdy
from tests.front.rig import A, B
from tests.tunnel.peer import DOWN, Peers, peers
from tests.until import until


class Kept:
    def __init__(self, hub: Peers, pool: Pool) -> None:
        self.hub = hub
        self.changes = 0
        self.ups = 0
        self.warm = Warm(pool, changed=self._changed, came_up=self._came_up)

    def _changed(self) -> None:
        self.changes += 1

    def _came_up(self) -> None:
        self.ups += 1


@pytest.fixture
async def kept() -> AsyncIterator[Kept]:
    async with peers() as hub:
        pool = Pool("test", hub)
        kept = Kept(hub, pool)
        yield kept
        kept.warm.keep(())
        assert await pool.close() == []


async def test_a_session_to_each_is_kept_up(kept: Kept) -> None:
    kept.warm.keep([A, B])
    peer = await kept.hub.next("a")
    await kept.hub.next("b")
    await until(lambda: kept.ups == 2)
    assert kept.warm.good
    assert kept.warm.transport == "spdy"
    peer.close()
    await kept.hub.next("a")
    assert kept.warm.reconnects == 1


async def test_what_is_kept_no_longer_is_closed_and_its_reconnects_count(kept: Kept) -> None:
    kept.warm.keep([A])
    (await kept.hub.next("a")).close()
    peer = await kept.hub.next("a")
    await until(lambda: kept.ups == 2)
    kept.warm.keep([B])
    assert kept.warm.reconnects == 1
    assert not kept.warm.good
    with pytest.raises(EOFError):
        await peer.expect(spdy.SynStream)


async def test_a_pod_that_fails_is_passed_over_while_another_is_good(kept: Kept) -> None:
    kept.warm.keep([A])
    await kept.hub.next("a")
    await until(lambda: kept.warm.good)
    kept.hub.refuse = DOWN
    kept.warm.keep([A, B])
    await until(lambda: kept.changes > 0)
    assert kept.warm.fit([A, B]) == [A]
    assert kept.warm.fit([B]) == [B], "better than none"
    assert kept.warm.error is None, "connections are served"


async def test_why_there_is_no_session_is_told(kept: Kept) -> None:
    kept.hub.refuse = DOWN
    kept.warm.keep([A, B])
    await until(lambda: kept.warm.error)
    assert kept.warm.error is DOWN
    kept.hub.refuse = None
    kept.warm.retry_now()
    await until(lambda: kept.warm.good)


async def test_reconnects_count_once_however_often_a_pod_is_chosen_again(kept: Kept) -> None:
    kept.warm.keep([A])
    (await kept.hub.next("a")).close()
    await kept.hub.next("a")
    await until(lambda: kept.ups == 2)
    for _ in range(2):
        kept.warm.keep([])
        kept.warm.keep([A])
        await kept.hub.next("a")
        await until(lambda: len(kept.warm.pod(A)._sessions) == 1)
    assert kept.warm.reconnects == 1
