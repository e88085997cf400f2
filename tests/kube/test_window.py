"""A closed window, seen on real sockets: what the kernel says and what it would do about it."""

from __future__ import annotations

import asyncio
import socket
import sys

import pytest

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
