"""Processes and folders of the demo's own."""

from __future__ import annotations

import signal
import sys

import pytest

from kfwd.demo import stage as stages
from kfwd.demo.stage import Stage, until
from kfwd.errors import KfwdError
from kfwd.profiles.parse import parse


def test_its_profile_is_valid() -> None:
    assert parse(stages.PROFILE, "demo").faults == ()


def test_everything_lies_in_one_folder_that_goes() -> None:
    with Stage({}) as stage:
        assert (stage.folder / "config" / "profiles" / "demo.yaml").exists()
        assert all(value.startswith(str(stage.folder)) for value in stage.own.values())
    assert not stage.folder.exists()


@pytest.mark.parametrize(
    ("start", "what"), [("start_cluster", "cluster"), ("start_daemon", "daemon")]
)
def test_a_process_that_ends_at_once_says_why(
    monkeypatch: pytest.MonkeyPatch, start: str, what: str
) -> None:
    monkeypatch.setattr(stages, "KFWD", (sys.executable, "-c", "import sys; sys.exit('no room')"))
    with Stage({}) as stage, pytest.raises(KfwdError, match=f"{what} did not start: no room"):
        getattr(stage, f"start_{what}")()


def test_a_process_that_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "STOP_S", 0.05)
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('ready', flush=True); time.sleep(60)"
    )
    monkeypatch.setattr(stages, "KFWD", (sys.executable, "-c", script))
    with Stage({}) as stage:
        stage.start_cluster()
    assert stage._cluster is not None
    assert stage._cluster.returncode == -signal.SIGKILL


def test_until_gives_up_in_time() -> None:
    answers = iter([False, True])
    assert until(lambda: next(answers), 5) is True
    assert until(lambda: False, 0.01) is False
