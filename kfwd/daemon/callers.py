"""Who is at the local end of connections: looked up once each, for a list asked for often."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from kfwd.api_model import ConnectionView
from kfwd.front.holders import Holder, holders

NAMED_MAX = 256
"""Connections of one list that are looked up; the rest stay without a name."""

KEPT_S = 30.0
"""How long an answer is taken to hold: the two ends may belong to another connection later."""

Ends = tuple[str, str]
Find = Callable[[Sequence[Ends]], Mapping[Ends, Holder]]


class Callers:
    """`find` blocks and is run in a thread."""

    def __init__(self, find: Find = holders, clock: Callable[[], float] = time.monotonic) -> None:
        self._find = find
        self._clock = clock
        self._known: dict[Ends, Holder | None] = {}
        self._until = 0.0

    async def named(self, views: Sequence[ConnectionView]) -> tuple[ConnectionView, ...]:
        """The same connections, with their processes where those can be found."""
        if self._clock() >= self._until:
            self._known, self._until = {}, self._clock() + KEPT_S
        known = self._known
        ends = [(view.client, view.listen) for view in views[:NAMED_MAX]]
        if fresh := [each for each in ends if each not in known]:
            found = await asyncio.to_thread(self._find, fresh)
            known.update((each, found.get(each)) for each in fresh)
        return tuple(_named(view, known.get((view.client, view.listen))) for view in views)


def _named(view: ConnectionView, holder: Holder | None) -> ConnectionView:
    return view if holder is None else replace(view, pid=holder.pid, process=holder.name or None)
