from __future__ import annotations

import os
import shutil

import pytest

from tests.frozen.__main__ import UNABLE, main


@pytest.mark.parametrize(
    ("user", "tool", "words"),
    [(1000, "/sbin/ip", "need root"), (0, None, "there is no ip and no tc and no ss")],
)
def test_a_machine_that_cannot_is_told_why(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    user: int,
    tool: str | None,
    words: str,
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(shutil, "which", lambda name: tool)
    assert main() == UNABLE
    assert words in capsys.readouterr().err
