"""Completion scripts."""

from __future__ import annotations

import pytest

from kfwd.errors import ExitCode
from tests.cli.conftest import Run


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(run: Run, shell: str) -> None:
    result = run("completion", shell)
    assert result.code == ExitCode.OK
    assert f"_KFWD_COMPLETE={shell}_complete" in result.out


def test_another_shell_is_a_usage_error(run: Run) -> None:
    assert run("completion", "csh").code == ExitCode.USAGE
