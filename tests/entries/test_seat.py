"""A place in a context, and then in another one."""

from __future__ import annotations

import asyncio
from typing import Any

from kfwd.entries.seat import Seat
from kfwd.errors import Unreachable
from kfwd.model import ContextState
from kfwd.tunnel.podref import PodRef
from tests.entries.rig import Cluster, Context


class Pool:
    """Sessions that say whose they are."""

    def __init__(self, name: str) -> None:
        self.transport = name

    def pod(self, ref: PodRef) -> str:
        return f"{ref.name} by {self.transport}"


def context(name: str) -> Any:
    made: Any = Context(Pool(name))  # type: ignore[arg-type]  # a stand-in
    made.name = made.namespace = name
    return made


async def test_everything_is_the_other_contexts_after_a_move() -> None:
    one, other = context("one"), context("other")
    seat = Seat(one)
    pool, ref = seat.pool, PodRef("shop", "web-1", "uid")
    assert (seat.name, pool.transport, pool.pod(ref)) == ("one", "one", "web-1 by one")
    other.fail(Unreachable("away"))
    seat.move(other)
    assert (seat.name, seat.namespace, pool.transport) == ("other", "other", "other")
    assert seat.pool.pod(ref) == pool.pod(ref) == "web-1 by other"  # type: ignore[comparison-overlap]  # a stand-in
    assert seat.fault == other.fault


async def test_the_server_is_told_while_it_answers() -> None:
    one, cluster = context("one"), Cluster()
    seat = Seat(one)
    assert (seat.server, seat.latency_ms) == (None, None)
    one.open(cluster)
    assert (seat.server, seat.latency_ms) == ("api.example:6443", 3.0)
    cluster.state = ContextState.UNREACHABLE
    assert seat.server is None


async def test_those_who_listen_hear_of_the_move_and_of_the_other_context_only() -> None:
    one, other = context("one"), context("other")
    seat, heard = Seat(one), []
    forget = seat.on_change(lambda: heard.append(seat.name))
    one.fail(None)
    seat.move(other)
    one.fail(None)
    other.fail(None)
    assert heard == ["one", "other", "other"]
    forget()
    other.fail(None)
    seat.move(one)
    assert len(heard) == 3


async def test_who_waits_for_a_cluster_that_never_comes_gets_the_other_one() -> None:
    one, other = context("one"), context("other")
    seat = Seat(one)
    cluster = Cluster()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(seat.cluster())
        await asyncio.sleep(0)
        other.open(cluster)
        seat.move(other)
    assert waiting.result() is cluster  # type: ignore[comparison-overlap]  # a stand-in
