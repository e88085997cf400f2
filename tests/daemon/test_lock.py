"""One daemon a user, and a control socket for nobody else."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kfwd.daemon.lock import LONGEST_PATH, Lock, bind_control
from kfwd.errors import KfwdError


def test_a_lock_whose_file_was_removed_is_taken_again(tmp_path: Path) -> None:
    lock = Lock.acquire(path := tmp_path / "kfwd.lock")
    lock.renew()
    path.unlink()
    lock.renew()
    with pytest.raises(KfwdError, match="already running"):
        Lock.acquire(path)
    lock.release()
    assert not path.exists()


def test_a_second_daemon_is_told_who_runs(tmp_path: Path) -> None:
    lock = Lock.acquire(tmp_path / "kfwd.lock")
    with pytest.raises(KfwdError, match=rf"already running \(pid {os.getpid()}\)") as caught:
        Lock.acquire(tmp_path / "kfwd.lock")
    assert caught.value.code == "already-running"
    assert f"`kill {os.getpid()}`" in (caught.value.hint or "")
    lock.release()


def test_after_a_release_the_lock_is_free_and_its_file_gone(tmp_path: Path) -> None:
    Lock.acquire(tmp_path / "kfwd.lock").release()
    assert list(tmp_path.iterdir()) == []
    Lock.acquire(tmp_path / "kfwd.lock").release()


def test_the_lock_is_held_by_the_heir_alone_once_it_is_ceded(tmp_path: Path) -> None:
    path = tmp_path / "kfwd.lock"
    old = Lock.acquire(path)
    heir = Lock(path, os.dup(old.descriptor))
    old.cede()
    with pytest.raises(KfwdError, match="already running"):
        Lock.acquire(path)
    os.close(heir.descriptor)  # as when it is killed
    third = Lock.acquire(path)
    old.release()
    with pytest.raises(KfwdError, match="already running"):
        Lock.acquire(path)
    third.release()


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, pathlib; from kfwd.daemon.lock import Lock;"
        "lock = Lock.acquire(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), signal.SIGKILL)"
    )
    path = tmp_path / "kfwd.lock"
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == -9
    assert path.exists()
    Lock.acquire(path).release()


def test_a_lock_on_a_file_that_was_replaced_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, opened, real = tmp_path / "kfwd.lock", [], os.open

    def open_then_lose(*args: object, **kwargs: object) -> int:
        descriptor = real(*args, **kwargs)  # type: ignore[arg-type]  # passed through
        opened.append(descriptor)
        if len(opened) == 1:
            path.unlink()
        return descriptor

    monkeypatch.setattr(os, "open", open_then_lose)
    lock = Lock.acquire(path)
    assert len(opened) == 2
    assert path.read_text() == f"{os.getpid()}\n"
    lock.release()


def test_the_socket_is_for_its_owner_only(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    with bind_control(tmp_path / "kfwd.sock"):
        assert (tmp_path / "kfwd.sock").stat().st_mode & 0o777 == 0o600
    assert os.umask(mask) == 0o022


def test_a_socket_that_a_killed_daemon_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "kfwd.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    with bind_control(path), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_path_too_long_for_a_socket_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(KfwdError, match=f"longer than {LONGEST_PATH} bytes"):
        bind_control(tmp_path / ("x" * 120))
