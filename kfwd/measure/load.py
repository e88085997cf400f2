"""Clients that drive one local port and time what comes back.

All raise `OSError` when the port refuses or resets, and `Broken` when an answer is not what it
should be: a figure of wrong bytes is worth nothing.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from kfwd.measure.speech import Speech

PATIENCE_S = 30.0
STALL_S = 1.0
"""How long the first byte of an answer that will not be read may take."""

HEAD = 64 * 1024


class Broken(Exception):
    """The server's answer was not what was asked for."""


def connected(port: int, timeout: float = PATIENCE_S) -> socket.socket:
    """A connection that sends small writes at once."""
    sock = socket.create_connection(("127.0.0.1", port), timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def first_answer(port: int, request: bytes, timeout: float = PATIENCE_S) -> float:
    """Seconds to connect, send `request` and have the first byte of the answer."""
    start = time.perf_counter()
    with connected(port, timeout) as sock:
        if request:
            sock.sendall(request)
        if not sock.recv(HEAD):
            raise Broken("the connection ended without an answer")
        return time.perf_counter() - start


def first_answers(
    port: int, request: bytes, count: int, *, at_once: int = 1, timeout: float = PATIENCE_S
) -> list[float]:
    """Seconds of `count` connections, `at_once` at a time."""
    if at_once == 1:
        return [first_answer(port, request, timeout) for _ in range(count)]
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda _: first_answer(port, request, timeout), range(count)))


def paced(port: int, request: bytes, rate: float, count: int, at_once: int = 64) -> list[float]:
    """Seconds from when each connection was due, `rate` a second, so that waiting counts."""
    begin = time.perf_counter() + 0.05

    def one(number: int) -> float:
        due = begin + number / rate
        if (early := due - time.perf_counter()) > 0:
            time.sleep(early)
        first_answer(port, request)
        return time.perf_counter() - due

    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(one, range(count)))


def ping_pong(port: int, message: bytes, answer_length: int, count: int) -> list[float]:
    """Seconds of `count` exchanges on one connection, one after the other."""
    times = []
    with connected(port) as sock:
        for _ in range(count):
            start = time.perf_counter()
            sock.sendall(message)
            left = answer_length
            while left:
                data = sock.recv(left)
                if not data:
                    raise Broken("the connection ended in the middle")
                left -= len(data)
            times.append(time.perf_counter() - start)
    return times


@contextlib.contextmanager
def stalled_readers(port: int, request: bytes, count: int) -> Iterator[None]:
    """Connections whose answer is never read beyond its first byte.

    The later ones may not even get that one, where connections hurt each other.
    """
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            sock = stack.enter_context(connected(port))
            sock.sendall(request)
            sock.settimeout(STALL_S)
            with contextlib.suppress(OSError):
                sock.recv(1)
        yield


class Asking:
    """One keep-alive connection that asks for the same over and over."""

    def __init__(self, port: int, speech: Speech) -> None:
        self.sock = connected(port)
        self._speech = speech
        self._left: int | None = None
        self._head = b""
        self._sent_at = 0.0
        self.bytes = 0

    def ask(self) -> None:
        self._left, self._head = self._speech.answer_length, b""
        self._sent_at = time.perf_counter()
        self.sock.sendall(self._speech.request)

    def read(self) -> float | None:
        """Seconds since the request, once its answer is complete. Call when there are bytes."""
        data = self.sock.recv(1 << 20)
        if not data:
            raise Broken("the server ended a connection that was to be kept")
        count = len(data)
        if self._left is None:
            self._head += data
            head, found, body = self._head.partition(b"\r\n\r\n")
            if not found:
                return None
            self._left, count = _length(head), len(body)
        self._left -= count
        self.bytes += count
        return None if self._left > 0 else time.perf_counter() - self._sent_at


def _length(head: bytes) -> int:
    """Content-Length of a good answer."""
    status, _, fields = head.lower().partition(b"\r\n")
    if b" 5" in status[8:10]:
        raise Broken(status.decode("ascii", "replace"))
    for line in fields.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length" and value.strip().isdigit():
            return int(value)
    raise Broken("the answer does not say how long it is")


class Served(NamedTuple):
    """What many requests came to: seconds of each, bytes of all bodies, seconds of the whole and
    what the meter went up by meanwhile."""

    times: list[float]
    bytes: int
    seconds: float
    cost: float


def asked(
    port: int,
    speech: Speech,
    connections: int,
    count: int,
    meter: Callable[[], float] = lambda: 0.0,
) -> Served:
    """`count` requests on so many connections at once, each of which has been answered before."""
    with contextlib.ExitStack() as stack:
        asking = [Asking(port, speech) for _ in range(connections)]
        for each in asking:
            stack.enter_context(each.sock)
        _ask(asking, connections)
        before = sum(each.bytes for each in asking)
        metered, begun = meter(), time.perf_counter()
        times = _ask(asking, count)
        seconds, cost = time.perf_counter() - begun, meter() - metered
        return Served(times, sum(each.bytes for each in asking) - before, seconds, cost)


def _ask(asking: Sequence[Asking], count: int) -> list[float]:
    """Seconds of `count` answers, all connections busy until then; none is left half read."""
    times: list[float] = []
    left = count
    with selectors.DefaultSelector() as ready:
        for each in asking[:count]:
            ready.register(each.sock, selectors.EVENT_READ, each)
            each.ask()
            left -= 1
        while len(times) < count:
            events = ready.select(PATIENCE_S)
            if not events:
                raise Broken(f"no answer in {PATIENCE_S:g} s")
            for key, _ in events:
                if (took := key.data.read()) is not None:
                    times.append(took)
                    if left:
                        key.data.ask()
                        left -= 1
    return times
