"""What a peer has not acknowledged: real sockets, and what the kernel says in scripted ones."""

from __future__ import annotations

import asyncio
import errno
import select
import socket
import struct
import sys
from collections.abc import Callable

import pytest

from kfwd.kube import window as window_module
from kfwd.kube.window import Window
from tests.until import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")

TIMEOUT_MS = 300


def pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.socket()
        ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TIMEOUT_MS)
        ours.connect(server.getsockname())
        theirs, _ = server.accept()
    ours.setblocking(False)
    theirs.setblocking(False)
    return ours, theirs


def fill(sock: socket.socket) -> None:
    try:
        while True:
            sock.send(bytes(65536))
    except BlockingIOError:
        pass


def state(sock: socket.socket) -> int:
    """TCP_ESTABLISHED is 1."""
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


def no_peer(error: OSError) -> None:
    raise AssertionError(f"the peer lives: {error}")


async def test_a_peer_that_takes_nothing_for_long_is_not_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(window_module, "LOOK_S", TIMEOUT_MS / 3000)
    ours, theirs = pair()
    with ours, theirs:
        window = Window(ours, no_peer)
        assert not window.outstanding()
        fill(ours)
        window.wrote()
        assert window.outstanding()
        await asyncio.sleep(3 * TIMEOUT_MS / 1000)  # as long as the kernel would take, and more
        assert state(ours) == 1
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 0
        while theirs in select.select([theirs], [], [], 0.05)[0]:
            theirs.recv(1 << 20)
        await until(lambda: window._timer is None)  # the kernel watches again
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == TIMEOUT_MS
        assert not window.outstanding()


async def test_a_window_that_is_released_is_looked_at_no_more() -> None:
    ours, theirs = pair()
    with theirs:
        window = Window(ours, no_peer)
        window.wrote()
        window.release()
        assert window._timer is not None
        assert window._timer.cancelled()
        ours.close()
        window.wrote()
        assert not window.outstanding()


class Scripted:
    """A socket with two packets in flight."""

    def __init__(self, last_ack: Callable[[float], float], in_flight: int = 2) -> None:
        self._begun = asyncio.get_running_loop().time()
        self._last_ack = last_ack
        self._in_flight = in_flight
        self.set: dict[int, int | bytes] = {}

    def getsockopt(self, level: int, name: int, size: int, /) -> bytes:
        info = bytearray(size)
        if size > 4:
            now = asyncio.get_running_loop().time() - self._begun
            struct.pack_into("=I", info, 24, self._in_flight)
            struct.pack_into("=I", info, 56, int(self._last_ack(now) * 1000))
            struct.pack_into("=I", info, 144, 100)
        return bytes(info)

    def setsockopt(self, level: int, name: int, value: int | bytes, /) -> None:
        self.set[name] = value


async def given_up_after(sock: Scripted) -> float | None:
    """How many seconds after a write; None for more than 100."""
    loop, begun = asyncio.get_running_loop(), asyncio.get_running_loop().time()
    gone: asyncio.Future[OSError] = loop.create_future()
    window = Window(sock, gone.set_result)
    window.wrote()
    try:
        async with asyncio.timeout(100):
            error = await gone
    except TimeoutError:
        return None
    finally:
        window.release()
    assert error.errno == errno.ETIMEDOUT
    return loop.time() - begun


@pytest.mark.looptime
async def test_who_acknowledges_nothing_is_gone_after_thirteen_seconds() -> None:
    sock = Scripted(lambda now: now)
    assert await given_up_after(sock) == pytest.approx(13, abs=0.1)
    assert sock.set[socket.SO_LINGER] == struct.pack("ii", 1, 0)  # nothing is sent any more


@pytest.mark.looptime
async def test_after_a_long_rest_tcp_has_eight_seconds_to_try() -> None:
    assert await given_up_after(Scripted(lambda now: 60 + now)) == pytest.approx(8, abs=0.1)


@pytest.mark.looptime
async def test_a_ping_five_seconds_after_the_path_froze_ends_within_thirteen() -> None:
    assert await given_up_after(Scripted(lambda now: 5 + now)) == pytest.approx(8, abs=0.1)


@pytest.mark.looptime
async def test_whom_a_slow_path_lets_answer_now_and_then_lives() -> None:
    assert await given_up_after(Scripted(lambda now: now % 12)) is None


@pytest.mark.looptime
async def test_a_peer_with_a_closed_window_lives_however_seldom_it_is_asked() -> None:
    assert await given_up_after(Scripted(lambda now: now, in_flight=0)) is None


async def test_what_is_no_tcp_has_nothing_outstanding() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not Window(ours, no_peer).outstanding()


async def test_a_socket_that_is_closed_has_nothing_outstanding() -> None:
    ours, theirs = pair()
    theirs.close()
    window = Window(ours, no_peer)
    ours.close()
    assert not window.outstanding()
