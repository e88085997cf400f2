"""Commands of service managers that are not there, fail or hang."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfwd.errors import KfwdError
from kfwd.service import calls


def test_a_machine_without_the_command_has_no_manager() -> None:
    with pytest.raises(calls.NoManager, match="there is no systemctl on this machine") as caught:
        calls.call(("systemctl", "--user"), {"PATH": "/nowhere"})
    assert caught.value.code == "no-service-manager"
    assert caught.value.hint == "`kfwd daemon start` runs the daemon without one"


def test_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "TIMEOUT_S", 0.05)
    with pytest.raises(KfwdError, match=r"`sleep 60` failed: no answer within 0\.05 s"):
        calls.call(("sleep", "60"), {"PATH": "/usr/bin:/bin"})


def test_a_command_that_may_not_run_says_so(tmp_path: Path) -> None:
    (tmp_path / "systemctl").touch(0o644)
    with pytest.raises(KfwdError, match="systemctl` failed: Permission denied"):
        calls.call((str(tmp_path / "systemctl"),), {})


@pytest.mark.parametrize(
    ("text", "last"), [("a\nb\n\n", "b"), ("", "it says nothing"), (" \n", "it says nothing")]
)
def test_the_last_line_is_the_reason(text: str, last: str) -> None:
    assert calls.last_line(text) == last
