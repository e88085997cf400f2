"""What was up is up again after any crash, and a bad disk takes nothing down."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from kfwd.backoff import Backoff
from kfwd.daemon import state
from kfwd.daemon.state import Saved, Saver, UpProfile, encode, load
from kfwd.model import Problem, ProfileSpec, utcnow
from kfwd.tasks import TaskSet
from kfwd.tunnel.transports import Known
from tests.daemon.records import CONTEXT, forward, wanted


def something() -> Saved:
    spec = ProfileSpec(name="dev", entries=(forward(),))
    return Saved(
        profiles={"dev": UpProfile(spec=spec, context=CONTEXT)},
        adhoc={"-/db": wanted("db", profile="-")},
        paused={"dev/web", "-/db"},
        ports={"-/db": {"5432": 40001}},
        transports_known={"dev": Known(transport="spdy", since=utcnow())},
    )


def test_what_was_written_reads_back(tmp_path: Path) -> None:
    state.write(tmp_path / "state.json", encode(something()))
    assert load(tmp_path / "state.json") == (something(), None)


def test_the_file_is_for_its_owner_only_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    state.write(path, encode(something()))
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_no_file_is_no_problem(tmp_path: Path) -> None:
    assert load(tmp_path / "state.json") == (None, None)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"\xff\xfe", b'{"version": 99}', b'{"profiles": {"dev": 3}}', b"\0" * 512],
    ids=["empty", "torn", "not utf-8", "of a later version", "of another shape", "zeros"],
)
def test_a_file_that_cannot_be_read_is_set_aside_with_a_problem(
    tmp_path: Path, text: bytes
) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(text)
    (tmp_path / "state.json.corrupt-1").write_text("an older one")
    saved, problem = load(path)
    assert saved is None
    assert problem is not None
    assert problem.code == "state-unreadable"
    assert str(tmp_path / "state.json.corrupt-2") in problem.text
    assert (tmp_path / "state.json.corrupt-2").read_bytes() == text
    assert not path.exists()


def test_a_file_the_system_does_not_give_is_named_once(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.mkdir()
    saved, problem = load(path)
    assert saved is None
    assert problem is not None
    assert problem.text.startswith(f"the state file {path} cannot be read (Is a directory);")


def test_a_write_that_fails_leaves_the_old_file_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.json"
    state.write(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        state.write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


class Disk:
    """A saver on a real file, what it reported, and the task that runs it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.value = 0
        self.takes = 0
        self.taken = asyncio.Event()
        self.reports: list[Problem | None] = []
        self.well = asyncio.Event()
        backoff = Backoff(first=0.01, cap=0.01, uniform=lambda low, high: high)
        self.saver = Saver(path, self.take, self.report, backoff)

    def take(self) -> bytes:
        self.takes += 1
        self.taken.set()
        return msgspec.json.encode(self.value)

    def report(self, problem: Problem | None) -> None:
        self.reports.append(problem)
        if problem is None:
            self.well.set()

    def set(self, value: int) -> None:
        self.value = value
        self.saver.changed()


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Disk]:
    disk = Disk(tmp_path / "folder" / "state.json")
    tasks = TaskSet("test")
    tasks.spawn(disk.saver.run(), "saver")
    yield disk
    assert await tasks.close() == []


async def test_many_changes_are_few_writes_and_the_last_one_counts(disk: Disk) -> None:
    disk.path.parent.mkdir()
    for value in range(100):
        disk.set(value)
    await disk.saver.saved()
    assert disk.path.read_bytes() == b"99"
    assert disk.takes == 1


async def test_a_change_during_a_write_is_waited_for_too(disk: Disk) -> None:
    disk.path.parent.mkdir()
    disk.set(1)
    await disk.taken.wait()
    disk.set(2)
    await disk.saver.saved()
    assert disk.path.read_bytes() == b"2"


async def test_a_failed_write_is_a_problem_until_a_later_one_succeeds(disk: Disk) -> None:
    disk.set(7)
    await disk.saver.saved()
    (problem,) = disk.reports
    assert problem is not None
    assert problem.code == "state-not-saved"
    assert str(disk.path) in problem.text
    disk.path.parent.mkdir()
    async with asyncio.timeout(5):
        await disk.well.wait()
    assert disk.path.read_bytes() == b"7"


async def test_nothing_to_save_is_saved_at_once(disk: Disk) -> None:
    await disk.saver.saved()
    assert disk.takes == 0


async def test_a_write_under_way_is_waited_for_when_saving_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go = threading.Event(), threading.Event()
    real = state.write

    def slow(path: Path, data: bytes) -> None:
        entered.set()
        assert go.wait(5)
        real(path, data)

    monkeypatch.setattr(state, "write", slow)
    path = tmp_path / "state.json"
    disk = Disk(path)
    tasks = TaskSet("saving")
    disk.set(1)
    tasks.spawn(disk.saver.run(), "run")
    await asyncio.to_thread(entered.wait, 5)
    closing = asyncio.ensure_future(tasks.close())  # noqa: TID251  # awaited below
    await asyncio.sleep(0)
    assert not closing.done()
    disk.set(2)
    go.set()
    assert await closing == []
    await disk.saver.write()
    assert path.read_bytes() == b"2"


async def test_a_write_that_hangs_holds_up_no_end_and_gets_no_other_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    monkeypatch.setattr(state, "HANGS_S", 0.05)
    monkeypatch.setattr(state, "write", lambda path, data: go.wait(10))
    disk = Disk(tmp_path / "state.json")
    disk.set(1)
    for _ in range(2):
        async with asyncio.timeout(5):
            await disk.saver.close()
        assert disk.takes == 1
    go.set()
    assert disk.saver._writing is not None
    await disk.saver._writing
    await disk.saver.close()
    assert disk.takes == 2
