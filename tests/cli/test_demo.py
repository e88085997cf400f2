"""Which demo is shown."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Run


@pytest.mark.parametrize(("args", "terminal"), [(["--headless"], True), ([], False)])
def test_without_a_terminal_or_on_request_it_runs_by_itself(
    run: Run, monkeypatch: pytest.MonkeyPatch, args: list[str], terminal: bool
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal, raising=False)
    monkeypatch.setattr("kfwd.demo.run.headless", lambda env, say: say("headless") or 1)
    result = run("demo", *args)
    assert (result.code, result.out) == (1, "headless\n")


def test_on_a_terminal_it_is_left_to_the_person(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("kfwd.demo.run.interactive", lambda env, say: say("yours") or 0)
    assert run("demo").out == "yours\n"
