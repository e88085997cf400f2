"""The new side, against an old one that does what it should not. `test_give` has the good end."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kfwd.daemon.handover.channel import Channel
from kfwd.daemon.handover.messages import (
    Attached,
    Held,
    Listening,
    Offered,
    Ready,
    Taken,
    Waiting,
    Yours,
)
from kfwd.daemon.handover.take import Heir
from kfwd.daemon.lock import Lock
from kfwd.errors import KfwdError
from kfwd.paths import Paths
from tests.daemon.records import wanted
from tests.daemon.rig import running


class Old:
    """What the old process has, and its end of the channel."""

    def __init__(self, root: Path) -> None:
        self.paths = Paths(config=root, state=root, runtime=root, log=root)
        self.lock = Lock.acquire(self.paths.lock)
        self.listening = socket.create_server(("127.0.0.1", 0))
        ours, self.theirs = socket.socketpair()
        self.channel = Channel(ours, 5)

    def offer(self, within_s: float = 5.0) -> Heir:
        port = self.listening.fileno()
        self.channel.send(Held(), [self.lock.descriptor, port])
        self.channel.send(Listening(("dev/web",)), [port])
        self.channel.send(Attached((wanted(),)))
        self.channel.send(Offered())
        return Heir.receive(self.theirs.detach(), self.paths, within_s)

    def close(self) -> None:
        self.channel.close()
        self.theirs.close()
        self.listening.close()
        self.lock.release()


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Old]:
    old = Old(tmp_path)
    yield old
    old.close()


def discard(heir: Heir) -> None:
    heir.close()
    heir.control.sock.close()
    os.close(heir.lock.descriptor)


def test_all_that_is_offered_is_there_by_entry_and_address(old: Old) -> None:
    heir = old.offer()
    host, port = old.listening.getsockname()
    assert list(heir.sockets["dev/web"]) == [f"{host}:{port}"]
    assert heir.attached == [wanted()]
    assert not heir.lock.mine
    discard(heir)


def test_an_old_one_that_ends_before_it_offered_all_is_an_error(old: Old) -> None:
    old.channel.close()
    with pytest.raises(KfwdError, match="did not hand over: the other process has ended"):
        Heir.receive(old.theirs.detach(), old.paths)


def test_an_offer_out_of_turn_is_an_error(old: Old) -> None:
    old.channel.send(Yours())
    with pytest.raises(KfwdError, match="Yours is not offered"):
        Heir.receive(old.theirs.detach(), old.paths)


async def test_when_the_old_one_dies_the_new_one_is_the_daemon(old: Old, tmp_path: Path) -> None:
    heir = old.offer()
    async with running(tmp_path / "home") as rig:
        old.channel.close()
        await heir.take_over(rig.daemon)
    assert heir.lock.mine
    discard(heir)


async def test_the_new_one_touches_nothing_before_the_old_one_hangs_up(
    old: Old, tmp_path: Path
) -> None:
    heir = old.offer()
    async with running(tmp_path / "home") as rig:
        async with asyncio.TaskGroup() as tasks:
            taking = tasks.create_task(heir.take_over(rig.daemon))
            await asyncio.to_thread(old.channel.expect, Ready)
            await asyncio.to_thread(old.channel.send, Yours())
            await asyncio.to_thread(old.channel.expect, Taken)
            done, _ = await asyncio.wait([taking], timeout=0.1)
            assert not done
            assert not heir.lock.mine
            old.channel.close()
        assert heir.lock.mine
    discard(heir)


async def test_an_old_one_that_hangs_after_it_heard_all_has_let_go(
    old: Old, tmp_path: Path
) -> None:
    heir = old.offer(within_s=0.2)
    async with running(tmp_path / "home") as rig:
        old.channel.send(Yours())
        await heir.take_over(rig.daemon)
    assert heir.lock.mine
    discard(heir)


async def test_a_new_one_that_is_told_to_stop_leaves_all_to_the_old_one(
    old: Old, tmp_path: Path
) -> None:
    heir = old.offer()
    ours, theirs = socket.socketpair()
    async with running(tmp_path / "home") as rig:
        rig.daemon.stopping.set()
        with ours, theirs:
            old.channel.send(Waiting((("dev/web", "127.0.0.1:1"),)), [theirs.fileno()])
        old.channel.send(Yours())
        with pytest.raises(KfwdError, match="the new process was told to stop"):
            await heir.take_over(rig.daemon)
    assert not heir.lock.mine
    discard(heir)
    old.channel.expect(Ready)
    with pytest.raises(ConnectionError):
        old.channel.expect(Taken)


async def test_an_old_one_that_says_something_else_keeps_the_lock(old: Old, tmp_path: Path) -> None:
    heir = old.offer()
    async with running(tmp_path / "home") as rig:
        old.channel.send(Ready())
        with pytest.raises(KfwdError, match="Ready instead of a connection"):
            await heir.take_over(rig.daemon)
    assert not heir.lock.mine
    discard(heir)
