"""Connections straight to an address, and which of a port's addresses answer.

An address is tried when it is new, when a connection to it failed, and then with back-off until it
answers again. A connection that failed carried nothing: no process took it, another way may be
tried (design section 4, rule 12). What ends after that ends as rule 13 says.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

from kfwd.backoff import Backoff
from kfwd.errors import Unreachable
from kfwd.front.local import LocalSocket
from kfwd.kube.dial import Resolver, Route, open_socket, reason
from kfwd.kube.window import Window
from kfwd.resolve.direct import Address
from kfwd.tasks import TaskSet
from kfwd.tunnel.stream import End, Ending, Flow, Opening, Sink

CONNECT_S = 2.0
PROBE_MIN_S, PROBE_MAX_S = 2.0, 10.0


class DirectStream:
    """A TCP connection as a `Flow`. `closed` is called once, when the socket is."""

    def __init__(
        self, sock: socket.socket, sink: Sink, closed: Callable[[DirectStream], None]
    ) -> None:
        self._sink: Sink | None = sink
        self._closed = closed
        self._window = Window(sock, self._gone)
        self._socket = LocalSocket(sock, self)
        self._socket.resume_reading()

    def write(self, data: bytes | memoryview) -> None:
        self._socket.write(memoryview(data))
        self._window.wrote()

    def finish(self) -> None:
        self._socket.finish_writing()

    def reset(self) -> None:
        self._sink = None
        self._socket.abort()

    def pause_reading(self) -> None:
        self._socket.pause_reading()

    def resume_reading(self) -> None:
        self._socket.resume_reading()

    def local_data(self, data: memoryview) -> None:
        if self._sink is not None:
            self._sink.stream_data(data)

    def local_eof(self) -> None:
        self._end(Ending(End.CLEAN))
        self._socket.finish()

    def local_lost(self, error: OSError) -> None:
        self._end(Ending(End.CUT, reason(error)))

    def _gone(self, error: OSError) -> None:
        self.local_lost(error)
        self._socket.abort()

    def local_full(self) -> None:
        if self._sink is not None:
            self._sink.pause_writing()

    def local_drained(self) -> None:
        if self._sink is not None:
            self._sink.resume_writing()

    def local_closed(self) -> None:
        self._window.release()
        self._closed(self)

    def _end(self, ending: Ending) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.stream_ended(ending)


class Direct:
    """The addresses of one port. `changed` is called when another set of them answers."""

    def __init__(self, name: str, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._tasks = TaskSet(f"direct {name}")
        self._resolver = Resolver()
        self._places: dict[str, Place] = {}
        self._streams: set[DirectStream] = set()

    @property
    def addresses(self) -> tuple[Address, ...]:
        """All of them, the most direct kind first."""
        return tuple(place.address for place in self._places.values())

    @property
    def answering(self) -> tuple[Address, ...]:
        """Those of the first kind of which any answers."""
        good = [place.address for place in self._places.values() if place.good]
        return tuple(address for address in good if address.kind == good[0].kind)

    @property
    def good(self) -> set[str]:
        """All that answer, by `uid`."""
        return {uid for uid, place in self._places.items() if place.good}

    @property
    def undecided(self) -> bool:
        """Whether none answers so far, and one may as soon as it has been tried."""
        places = self._places.values()
        return any(place.good is None for place in places) and not any(p.good for p in places)

    @property
    def error(self) -> str | None:
        """What came of the first address that does not answer."""
        return next((place.error for place in self._places.values() if place.error), None)

    def serve(self, addresses: Sequence[Address]) -> None:
        """These from now on. What is known of those that stay is kept."""
        old, self._places = self._places, {}
        for address in addresses:
            place = old.pop(address.uid, None) or Place(self, address)
            place.address = address
            self._places[address.uid] = place
        for place in old.values():
            place.close()
        for place in self._places.values():
            if place.good is None:
                place.probe_now()

    def retry_now(self) -> None:
        """The world changed: try those that did not answer."""
        for place in self._places.values():
            if place.good is False:
                place.probe_soon()

    def place(self, address: Address) -> Place:
        """The way to one of the addresses."""
        return self._places[address.uid]

    async def close(self) -> list[str]:
        """End everything; names of the tasks that did not stop in time."""
        self.serve(())
        for stream in list(self._streams):
            stream.reset()
        return await self._tasks.close()

    def settled(self) -> None:
        self._changed()

    def spawn(self, place: Place, opening: Opening | None) -> asyncio.Task[None]:
        return self._tasks.spawn(self._try(place, opening), f"connect {place.address.uid}")

    async def _try(self, place: Place, opening: Opening | None) -> None:
        """Connect, for a connection that waits or only to see whether that works."""
        route = Route(place.address.host, place.address.port)
        try:
            sock = await open_socket(route, self._resolver, timeout=CONNECT_S)
        except Unreachable as error:
            place.failed(error.text)
            if opening is not None:
                opening.fail(error)
            return
        if opening is None or opening.stream.done():
            sock.close()
        else:
            opening.stream.set_result(self._begin(sock, opening))
        place.worked()

    def _begin(self, sock: socket.socket, opening: Opening) -> Flow:
        stream = DirectStream(sock, opening.sink, self._streams.discard)
        self._streams.add(stream)
        if first := opening.first():
            stream.write(first)
        return stream


class Place:
    """One address: whether it answers (None: not tried yet), and the way to it."""

    def __init__(self, direct: Direct, address: Address) -> None:
        self.address = address
        self.good: bool | None = None
        self.error: str | None = None
        self._direct = direct
        self._backoff = Backoff(first=PROBE_MIN_S, cap=PROBE_MAX_S)
        self._again: asyncio.TimerHandle | None = None
        self._probe: asyncio.Task[None] | None = None
        self._failed_at = 0.0
        self._closed = False

    def open_now(self, port: int, sink: Sink, first: Callable[[], bytes]) -> Flow | None:
        """Nothing is open beforehand: a server may speak first."""
        return None

    def request(self, port: int, sink: Sink, first: Callable[[], bytes]) -> Opening:
        """Connect. `Opening.stream` fails with `Unreachable`, and then nothing was sent."""
        opening = Opening(port, sink, first)
        task = self._direct.spawn(self, opening)
        opening.stream.add_done_callback(lambda stream: stream.cancelled() and task.cancel())
        return opening

    def withdraw(self, opening: Opening) -> None:
        """The connection is wanted no more."""
        opening.abandon()

    def probe_now(self) -> None:
        """See whether it answers, unless that is being done."""
        self._stop_waiting()
        if self._probe is None or self._probe.done():
            self._probe = self._direct.spawn(self, None)

    def probe_soon(self) -> None:
        """Do not wait for the back-off, but never try more often than every 2 s."""
        loop = asyncio.get_running_loop()
        if self._again is not None:
            self._again.cancel()
            self._again = loop.call_at(
                max(loop.time(), self._failed_at + PROBE_MIN_S), self.probe_now
            )

    def worked(self) -> None:
        self._stop_waiting()
        self._backoff.succeeded(asyncio.get_running_loop().time())
        self._settle(True, None)

    def failed(self, error: str) -> None:
        loop = asyncio.get_running_loop()
        self._failed_at = loop.time()
        self._stop_waiting()
        if not self._closed:
            delay = max(PROBE_MIN_S, self._backoff.failed(self._failed_at))
            self._again = loop.call_later(delay, self.probe_now)
        self._settle(False, error)

    def close(self) -> None:
        self._closed = True
        self._stop_waiting()
        if self._probe is not None:
            self._probe.cancel()

    def _settle(self, good: bool, error: str | None) -> None:
        was, self.good, self.error = self.good, good, error
        if was is not good and not self._closed:
            self._direct.settled()

    def _stop_waiting(self) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None
