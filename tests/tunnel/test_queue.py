"""Who waits for a session, and what is dialled for whom."""

from __future__ import annotations

import pytest

from kfwd.errors import SessionLost
from kfwd.tunnel.queue import Queue
from kfwd.tunnel.stream import Flow, Opening
from tests.tunnel.test_session import Reader


def wait(queue: Queue, port: int) -> Opening:
    opening = Opening(port, Reader(), bytes)
    queue.add(opening)
    return opening


def flow() -> Flow:
    return object()  # type: ignore[return-value]  # nobody sends anything on it


async def test_dials_are_for_those_who_wait_in_turn_and_then_for_nobody() -> None:
    queue = Queue()
    for port in (80, 9000, 80):
        wait(queue, port)
    assert [queue.dial() for _ in range(4)] == [80, 9000, 80, None]
    assert (len(queue), queue.dialling) == (3, 4)
    queue.dial_ended(9000)
    assert queue.dialling == 3
    assert queue.dial() == 9000


async def test_the_first_is_served_first() -> None:
    queue = Queue()
    first, second = wait(queue, 80), wait(queue, 80)
    queue.serve(lambda opening: flow())
    assert (first.stream.done(), second.stream.done()) == (True, False)


async def test_a_port_goes_to_the_first_that_wants_it() -> None:
    queue = Queue()
    other, first = wait(queue, 9000), wait(queue, 80)
    assert queue.serve_port(80, lambda opening: flow())
    assert not queue.serve_port(80, lambda opening: flow())
    assert (other.stream.done(), first.stream.done()) == (False, True)
    assert len(queue) == 1


async def test_who_has_gone_is_not_served() -> None:
    queue = Queue()
    opening = wait(queue, 80)
    opening.abandon()
    assert not queue.serve_port(80, lambda opening: flow())
    assert not queue.remove(opening)


async def test_all_fail_together() -> None:
    queue = Queue()
    openings = [wait(queue, 80), wait(queue, 81)]
    queue.fail(SessionLost("closed"))
    assert not queue
    for opening in openings:
        with pytest.raises(SessionLost):
            await opening.stream
