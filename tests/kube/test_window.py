"""A closed window, seen on real sockets: what the kernel says and what it would do about it."""

from __future__ import annotations

import asyncio
import select
import socket
import struct
import sys

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


async def test_a_peer_that_takes_nothing_for_long_is_not_given_up() -> None:
    ours, theirs = pair()
    with ours, theirs:
        window = Window(ours)
        assert not window.closed()
        fill(ours)
        await until(window.closed)
        await asyncio.sleep(3 * TIMEOUT_MS / 1000)  # as long as the kernel would take, and more
        assert state(ours) == 1


async def test_a_window_that_opens_is_watched_by_the_kernel_again() -> None:
    ours, theirs = pair()
    with ours, theirs:
        window = Window(ours)
        fill(ours)
        await until(window.closed)
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 0
        await asyncio.get_running_loop().sock_recv(theirs, 64)
        while window.closed():
            await asyncio.get_running_loop().sock_recv(theirs, 1 << 20)
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == TIMEOUT_MS


async def test_a_socket_that_was_written_to_is_looked_at_without_being_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(window_module, "LOOK_S", TIMEOUT_MS / 3000)
    ours, theirs = pair()
    with ours, theirs:
        window = Window(ours)
        fill(ours)
        window.wrote()
        await asyncio.sleep(3 * TIMEOUT_MS / 1000)
        assert state(ours) == 1
        while theirs in select.select([theirs], [], [], 0.05)[0]:
            theirs.recv(1 << 20)
        await until(lambda: window._timer is None)
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == TIMEOUT_MS


async def test_a_window_that_is_released_is_looked_at_no_more() -> None:
    ours, theirs = pair()
    with theirs:
        window = Window(ours)
        window.wrote()
        window.release()
        assert window._timer is not None
        assert window._timer.cancelled()
        ours.close()
        window.wrote()
        assert not window.closed()


def test_a_peer_that_has_everything_is_heard() -> None:
    ours, theirs = pair()
    with ours, theirs:
        ours.send(b"x")
        theirs.recv(1)
        assert Window(ours).unheard_s() == 0.0


def test_bytes_on_the_way_that_nobody_acknowledges_are_counted() -> None:
    class Dead:
        """A socket with two packets in flight, and the last acknowledgement 9 s ago."""

        def getsockopt(self, level: int, name: int, size: int, /) -> bytes:
            info = bytearray(size)
            if size > 4:
                struct.pack_into("=I", info, 24, 2)
                struct.pack_into("=I", info, 56, 9_000)
            return bytes(info)

        def setsockopt(self, level: int, name: int, value: int, /) -> None:
            raise AssertionError("its time-out stays")

    assert Window(Dead()).unheard_s() == 9.0
    assert not Window(Dead()).closed()


def test_what_is_no_tcp_has_no_window() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not Window(ours).closed()


def test_a_socket_that_is_closed_says_what_it_said_last() -> None:
    ours, theirs = pair()
    theirs.close()
    window = Window(ours)
    ours.close()
    assert not window.closed()
