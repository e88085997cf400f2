"""The daemon where clients look for it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kfwd.daemon.lock import Lock
from kfwd.errors import KfwdError
from tests.daemon.process import Process, refused
from tests.ports import free_port


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Process]:
    home = Process(tmp_path)
    yield home
    home.close()


def answers_within(home: Process, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not home.answers() and time.monotonic() < end:
        time.sleep(0.05)
    return home.answers()


def test_a_folder_that_was_removed_is_made_anew_with_the_lock(home: Process) -> None:
    home.profile("dev", port := free_port())
    first = home.start()
    home.up()
    shutil.rmtree(home.paths.runtime)
    assert answers_within(home, 10)
    assert home.snapshot().daemon.pid == first.pid
    assert not refused(port)
    with pytest.raises(KfwdError, match=rf"already running \(pid {first.pid}\)"):
        Lock.acquire(home.paths.lock)
    assert home.hand_over() == home.snapshot().daemon.pid
    assert not refused(port)
