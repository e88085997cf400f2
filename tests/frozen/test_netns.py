from __future__ import annotations

import os
import subprocess

import pytest

from tests.frozen.__main__ import missing
from tests.frozen.netns import Path, ip, laid

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


def failing(way: Path, started: list[subprocess.Popen[bytes]]) -> None:
    with laid(way):
        started.append(subprocess.Popen(["ip", "netns", "exec", way.far, "sleep", "60"]))
        raise RuntimeError("the run failed")


def test_nothing_is_left_of_a_path_though_a_run_on_it_fails() -> None:
    way, started = Path.of(os.getpid()), list[subprocess.Popen[bytes]]()
    with pytest.raises(RuntimeError, match="the run failed"):
        failing(way, started)
    assert started.pop().wait(5) != 0
    assert way.far not in ip("netns")
