"""What the demo prints and how it ends, without its processes."""

from __future__ import annotations

import itertools

import pytest

from kfwd.demo import run
from kfwd.demo.run import headless, hint
from kfwd.demo.steps import Demo
from kfwd.errors import ExitCode, KfwdError


def good(demo: Demo) -> str:
    with demo.tally.request():
        demo.tally.verify(10)
    demo.deletions += 1
    return "fine"


def lossy(demo: Demo) -> str:
    with demo.tally.request():
        raise ConnectionResetError("gone")
    return "went on"


def broken(demo: Demo) -> str:
    raise KfwdError("it broke")


def ran(*steps: run.Step) -> tuple[int, list[str]]:
    lines: list[str] = []
    clock = itertools.count()
    named = [(step.__name__, step) for step in steps]
    return headless({}, lines.append, steps=named, clock=lambda: float(next(clock))), lines


def test_each_step_is_a_line_and_the_sum_the_last() -> None:
    code, lines = ran(good, good)
    assert code == ExitCode.OK
    assert lines == [
        "good                     1.0 s      1 requests, 0 failed  fine",
        "good                     1.0 s      1 requests, 0 failed  fine",
        "demo: 2 requests, 0 failed, 20 bytes verified by SHA-256, "
        "2 deletions, 0 restarts in 5.0 s",
    ]


def test_a_failed_request_is_counted_explained_and_the_exit_status() -> None:
    code, lines = ran(lossy, good)
    assert code == ExitCode.FAILED
    assert lines[0].endswith("1 requests, 1 failed  went on")
    assert lines[1].strip() == "ConnectionResetError: gone"
    assert lines[-1].startswith("demo: 2 requests, 1 failed, ")


def test_a_step_that_fails_is_the_last() -> None:
    code, lines = ran(broken, good)
    assert code == ExitCode.FAILED
    assert lines[0].split(maxsplit=1) == ["broken", "FAILED: it broke"]
    assert lines[1].startswith("demo: 0 requests, 0 failed, ")


def test_a_failure_while_the_demo_begins_is_told_to_a_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run, "start_cluster", broken)
    lines: list[str] = []
    assert run.interactive({}, lines.append) == ExitCode.FAILED
    assert lines == ["start a cluster        FAILED: it broke"]


def test_the_hint_can_be_pasted() -> None:
    lines = list(hint({"KUBECONFIG": "/tmp/x"}, {"web:http": 41234}))
    assert "  export KUBECONFIG=/tmp/x" in lines
    assert "  curl http://localhost:41234/" in lines
