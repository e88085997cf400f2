"""Sleep and changes of the network over a clock that jumps; a real netlink socket opens as well."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import sys
from collections.abc import Iterator

import pytest

from kfwd.daemon import wakeups
from kfwd.daemon.wakeups import (
    GAP_MAX_S,
    GAP_MIN_S,
    TICK_S,
    Clocks,
    absence,
    next_gap,
    open_netlink,
    watch_clocks,
    watch_network,
)
from kfwd.tasks import TaskSet
from tests.wire.test_rtnetlink import ANOTHER_GATEWAY, DEFAULT, OF_NO_INTEREST

START = Clocks(running=100.0, passed=5000.0)
QUIET = bytes.fromhex(OF_NO_INTEREST["a local route"])


def later(running: float, passed: float) -> Clocks:
    return Clocks(START.running + running, START.passed + passed)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (later(1.0, 1.0), None),
        (later(4.0, 4.0), None),  # a busy machine
        (later(1.0, 2.5), None),
        (later(1.0, -3600.0), None),  # a wall clock that is set back
        (later(1.0, 3601.0), "the machine slept for 3600 s"),
        (later(1.0, 3.1), "the machine slept for 2 s"),
        (later(13.0, 13.0), "this process stood still for 12 s"),
    ],
)
def test_two_clocks_tell_what_happened(now: Clocks, said: str | None) -> None:
    assert absence(START, now) == said


def test_the_real_clocks_go_on_together() -> None:
    before, now = wakeups.clocks(), wakeups.clocks()
    assert now.running >= before.running
    assert absence(before, now) is None


def test_the_gap_doubles_while_changes_keep_coming_and_starts_again_after_a_rest() -> None:
    gaps = [GAP_MIN_S]
    for _ in range(6):
        gaps.append(next_gap(gaps[-1], 0.1))
    assert gaps == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert gaps[-1] == GAP_MAX_S
    assert next_gap(30.0, 1.5) == GAP_MIN_S


class Told:
    """What was told, and when."""

    def __init__(self) -> None:
        self.at: list[tuple[float, str]] = []
        self._begin = asyncio.get_running_loop().time()

    def __call__(self, reason: str) -> None:
        self.at.append((asyncio.get_running_loop().time() - self._begin, reason))

    @property
    def times(self) -> list[float]:
        return [time for time, _ in self.at]


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_sleep_is_told_at_the_next_tick_and_once() -> None:
    told, tasks, loop = Told(), TaskSet("test"), asyncio.get_running_loop()
    begin, asleep = loop.time(), 0.0

    def read() -> Clocks:
        return Clocks(loop.time(), loop.time() + (asleep if loop.time() - begin > 10.5 else 0))

    asleep = 3600.0
    tasks.spawn(watch_clocks(told, read), "clocks")
    await asyncio.sleep(20)
    await tasks.close()
    ((when, reason),) = told.at
    assert 10.5 < when <= 10.5 + TICK_S
    assert reason == "the machine slept for 3600 s"


class Kernel:
    """A netlink socket and the kernel behind it, as two datagram sockets."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ours.setblocking(False)

    def tells(self, *messages: bytes) -> None:
        for message in messages:
            self.theirs.send(message)


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    made = Kernel()
    with made.theirs, made.ours:
        yield made


@pytest.mark.asyncio
@pytest.mark.looptime(idle_step=0.01)
async def test_changes_that_come_together_are_told_once(kernel: Kernel) -> None:
    told, tasks = Told(), TaskSet("test")
    tasks.spawn(watch_network(told, kernel.ours), "network")
    kernel.tells(QUIET, DEFAULT, ANOTHER_GATEWAY, DEFAULT)
    await asyncio.sleep(60)
    await tasks.close()
    assert told.times == pytest.approx([0.0], abs=0.1)


@pytest.mark.asyncio
@pytest.mark.looptime(idle_step=0.01)
async def test_a_storm_is_a_look_now_and_then_and_its_last_change_is_told(kernel: Kernel) -> None:
    told, tasks = Told(), TaskSet("test")
    tasks.spawn(watch_network(told, kernel.ours), "network")
    for number in range(100):
        kernel.tells(DEFAULT if number % 2 else ANOTHER_GATEWAY)
        await asyncio.sleep(0.5)
    storm = len(told.at)
    assert storm <= 7
    assert told.times[0] == pytest.approx(0.0, abs=0.1)
    await asyncio.sleep(2 * GAP_MAX_S)
    assert len(told.at) == storm + 1
    await tasks.close()


@pytest.mark.asyncio
@pytest.mark.looptime(idle_step=0.01)
async def test_what_is_of_no_interest_is_not_told(kernel: Kernel) -> None:
    told, tasks = Told(), TaskSet("test")
    tasks.spawn(watch_network(told, kernel.ours), "network")
    kernel.tells(QUIET, QUIET)
    await asyncio.sleep(10)
    await tasks.close()
    assert not told.at


class Overrun:
    """A socket whose kernel lost messages."""

    def __init__(self, error: int) -> None:
        self._error = error

    async def sock_recv(self, sock: socket.socket, size: int) -> bytes:
        raise OSError(self._error, "receive")


@pytest.mark.parametrize("error", [errno.ENOBUFS, errno.EBADF])
async def test_messages_that_were_lost_count_as_a_change(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: Overrun(error))
    lost = error == errno.ENOBUFS
    with contextlib.nullcontext() if lost else pytest.raises(OSError, match="receive"):
        await wakeups._change(kernel.ours, wakeups.Network())


async def test_a_system_that_does_not_tell_is_not_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_NETLINK", raising=False)
    assert open_netlink() is None
    await watch_network(lambda reason: None, None)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has netlink")
def test_a_real_kernel_lets_us_listen_without_rights() -> None:
    sock = open_netlink()
    assert sock is not None
    with sock, pytest.raises(BlockingIOError):
        sock.recv(1)


@pytest.mark.parametrize("where", ["__init__", "bind"])
def test_where_a_sandbox_forbids_it_nothing_is_watched_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    class Forbidden(socket.socket):
        pass

    def refuse(*args: object, **more: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Forbidden, where, refuse)
    monkeypatch.setattr(wakeups.socket, "socket", Forbidden)
    caplog.set_level("INFO")
    assert open_netlink() is None
    assert "cannot be watched" in caplog.text
