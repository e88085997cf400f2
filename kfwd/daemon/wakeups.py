"""When to look at all clusters again at once: after sleep, and when the network changed.

Nothing outside the kubeconfig is asked whether the network works: clocks and the kernel tell that
something happened, and the API servers whether it matters.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import time
from collections.abc import Callable
from typing import NamedTuple

from kfwd.wire.rtnetlink import Network

log = logging.getLogger(__name__)

TICK_S = 1.0
SLEPT_S = 2.0
"""Time asleep that matters. A wall clock that is set forward looks alike, where only that tells."""

STOOD_S = 5.0
"""How late a tick must be to say that the process was stopped, or its machine paused."""

GAP_MIN_S, GAP_MAX_S = 1.0, 30.0
"""From one look for a change to the next; it doubles while changes keep coming. The first is told
at once, since until then a connection may be put on a session that is dead."""

QUIET_S = 1.0
"""So long without a change after a pause, and the next one is told at once again."""

READ_SIZE = 64 * 1024
NETLINK_ROUTE = 0
GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
"""RTMGRP_LINK, IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR, IPV6_ROUTE (linux/rtnetlink.h)."""

Tell = Callable[[str], None]


class Clocks(NamedTuple):
    """Seconds of two clocks: one stands still while the machine sleeps, the other does not."""

    running: float
    passed: float


def clocks() -> Clocks:
    """The clocks of this system; without a better one, the wall clock tells what passed."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    passed = time.time() if boot is None else time.clock_gettime(boot)
    return Clocks(time.monotonic(), passed)


def absence(before: Clocks, now: Clocks) -> str | None:
    """What happened between two ticks, in words, if it was more than a tick."""
    running = now.running - before.running
    slept = now.passed - before.passed - running
    if slept >= SLEPT_S:
        return f"the machine slept for {slept:.0f} s"
    if running - TICK_S >= STOOD_S:
        return f"this process stood still for {running - TICK_S:.0f} s"
    return None


async def watch_clocks(tell: Tell, read: Callable[[], Clocks] = clocks) -> None:
    """Call `tell` within a second after the machine woke up, or the process went on."""
    before = read()
    while True:
        await asyncio.sleep(TICK_S)
        now = read()
        reason = absence(before, now)
        before = now
        if reason is not None:
            tell(reason)


def next_gap(gap_s: float, quiet_s: float) -> float:
    """The pause after a look, where the one before was `gap_s` and then nothing for `quiet_s`."""
    return GAP_MIN_S if quiet_s >= QUIET_S else min(2 * gap_s, GAP_MAX_S)


async def watch_network(tell: Tell, sock: socket.socket | None) -> None:
    """Call `tell` when addresses or routes changed.

    What changes in the pause after a call is told at its end and once, so that the last change is
    never missed. Nothing is told where the system has no such `sock` (`open_netlink`).
    """
    if sock is None:
        return
    with sock:
        loop, network, gap_s = asyncio.get_running_loop(), Network(), GAP_MIN_S
        while True:
            since = loop.time()
            await _change(sock, network)
            gap_s = next_gap(gap_s, loop.time() - since)
            _drain(sock, network)
            tell("the network changed")
            await asyncio.sleep(gap_s)


def open_netlink() -> socket.socket | None:
    """A socket that is told of every link, address and route, where the system has it (Linux)."""
    family = getattr(socket, "AF_NETLINK", None)
    if family is None:
        return None
    sock: socket.socket | None = None
    try:
        sock = socket.socket(family, socket.SOCK_RAW, NETLINK_ROUTE)
        sock.setblocking(False)
        sock.bind((0, GROUPS))
    except OSError as error:
        log.info("changes of the network cannot be watched: %s", error)
        if sock is not None:
            sock.close()
        return None
    return sock


async def _change(sock: socket.socket, network: Network) -> None:
    """Wait for a change."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            data = await loop.sock_recv(sock, READ_SIZE)
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            return  # more came than the kernel kept for us
        if network.changed(data):
            return


def _drain(sock: socket.socket, network: Network) -> None:
    """Take in all that is there; the kernel's buffer bounds it."""
    while True:
        try:
            network.changed(sock.recv(READ_SIZE))
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
