"""Names for the connections of a list."""

from __future__ import annotations

from collections.abc import Sequence

from kfwd.api_model import ConnectionView
from kfwd.daemon.callers import KEPT_S, NAMED_MAX, Callers, Ends
from kfwd.front.holders import Holder
from kfwd.model import Bytes, utcnow


def view(port: int) -> ConnectionView:
    return ConnectionView(
        client=f"127.0.0.1:{port}",
        listen="127.0.0.1:80",
        pod="web-0",
        port=80,
        state="open",
        since=utcnow(),
        bytes=Bytes(),
    )


class Finder:
    """Knows the client of port 1 and is asked of others in vain."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.now = 0.0

    def __call__(self, ends: Sequence[Ends]) -> dict[Ends, Holder]:
        self.asked.append(len(ends))
        return {each: Holder(4121, "psql") for each in ends if each[0].endswith(":1")}


async def test_each_is_looked_up_once() -> None:
    finder = Finder()
    callers = Callers(finder, lambda: finder.now)
    for _ in range(2):
        known, unknown = await callers.named([view(1), view(2)])
        assert (known.pid, known.process) == (4121, "psql")
        assert (unknown.pid, unknown.process) == (None, None)
    assert finder.asked == [2]
    finder.now = KEPT_S
    await callers.named([view(1)])
    assert finder.asked == [2, 1], "the ends may be another connection's by now"


async def test_only_so_many_are_looked_up() -> None:
    finder = Finder()
    found = await Callers(finder).named([view(port) for port in range(2, NAMED_MAX + 10)])
    assert len(found) == NAMED_MAX + 8
    assert finder.asked == [NAMED_MAX]
