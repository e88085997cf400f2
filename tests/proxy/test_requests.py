from __future__ import annotations

from kfwd.api_model import RequestView
from kfwd.model import Bytes, utcnow
from kfwd.proxy.requests import WAITING_MAX, RequestLog


def seen(path: str) -> RequestView:
    return RequestView(
        time=utcnow(), method="GET", path=path, status=200, duration_ms=1.0, bytes=Bytes()
    )


def test_only_the_newest_are_kept() -> None:
    log = RequestLog(kept=2)
    for path in ("/1", "/2", "/3"):
        log.note(seen(path))
    assert [request.path for request in log.seen] == ["/2", "/3"]


async def test_a_follower_gets_what_comes_until_it_is_closed() -> None:
    log = RequestLog()
    log.note(seen("/before"))
    follower = log.follow()
    log.note(seen("/1"))
    log.note(seen("/2"))
    assert [(await anext(follower)).path for _ in range(2)] == ["/1", "/2"]
    follower.close()
    log.note(seen("/after"))
    assert [request async for request in follower] == []


async def test_a_follower_that_sleeps_loses_the_oldest() -> None:
    log = RequestLog()
    follower = log.follow()
    for number in range(WAITING_MAX + 1):
        log.note(seen(f"/{number}"))
    assert (await anext(follower)).path == "/1"
    follower.close()
