"""Datagrams to a service manager that listens, does not read, or is not there."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kfwd.service import notify
from kfwd.service.notify import Notifier, reloading, watchdog_s, without_own


@pytest.fixture
def manager() -> Iterator[socket.socket]:
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock,
    ):
        sock.bind(str(Path(folder) / "notify"))
        sock.settimeout(5)
        yield sock


async def test_a_message_carries_lines_and_descriptors(manager: socket.socket) -> None:
    notifier = Notifier(manager.getsockname())
    with socket.socket() as listening:
        await notifier.say("FDSTORE=1", "FDNAME=a", descriptors=[listening.fileno()])
        data, numbers, _, _ = socket.recv_fds(manager, 100, 4)
        assert data == b"FDSTORE=1\nFDNAME=a"
        assert os.fstat(numbers[0]).st_ino == os.fstat(listening.fileno()).st_ino
        os.close(numbers[0])
    assert notifier.heard
    notifier.close()
    assert not notifier.heard
    await notifier.say("READY=1")


async def test_an_abstract_address_is_one() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0kfwd-test-{os.getpid()}")
        notifier = Notifier(f"@kfwd-test-{os.getpid()}")
        await notifier.say("READY=1")
        assert sock.recv(100) == b"READY=1"
        notifier.close()


@pytest.mark.parametrize("address", [None, "", "/nowhere/notify"])
async def test_without_a_manager_nothing_is_said(address: str | None) -> None:
    notifier = Notifier(address)
    await notifier.say("READY=1")
    assert notifier.tell("READY=1")
    assert not notifier.heard


async def test_messages_wait_for_room_in_their_order(manager: socket.socket) -> None:
    notifier = Notifier(manager.getsockname())
    sent = 0
    while notifier.tell(str(sent)):
        sent += 1
    waiting = [asyncio.ensure_future(notifier.say(f"{sent + n}")) for n in range(3)]  # noqa: TID251
    await asyncio.sleep(0)
    assert not any(each.done() for each in waiting)
    heard = [int(manager.recv(100)) for _ in range(sent)]
    await asyncio.gather(*waiting)
    heard += [int(manager.recv(100)) for _ in waiting]
    assert heard == list(range(sent + 3))
    notifier.close()


async def test_a_manager_that_never_reads_is_given_up(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(notify, "SAY_S", 0.02)
    notifier = Notifier(manager.getsockname())
    while notifier.tell("x"):
        pass
    await notifier.say("READY=1")
    await notifier.say("READY=1")
    assert not notifier.heard
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("env", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_a_sign_of_life_is_wanted_of_this_process_only(
    env: dict[str, str], seconds: float | None
) -> None:
    assert watchdog_s(env, 7) == seconds


def test_children_are_not_told_of_the_service_manager() -> None:
    env = dict.fromkeys(notify.OWN, "x")
    assert without_own({**env, "PATH": "/bin"}) == {"PATH": "/bin"}


def test_a_reload_says_when_it_began() -> None:
    first, second = reloading()
    assert first == "RELOADING=1"
    assert second.startswith("MONOTONIC_USEC=")
    assert int(second.partition("=")[2]) > 0
