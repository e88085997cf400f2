"""The units as systemd reads them: its own verdict, where it is there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kfwd.service import files, unit

CONFIG = Path(__file__).parents[2] / "config" / "service"
ANALYZE = shutil.which("systemd-analyze")
FOLDERS = {"KFWD_STATE_DIR": '/a b/100%/"$x\\y', "KFWD_LOG_DIR": "/l"}


@pytest.fixture(params=["my venv $x 100% é", """o'brien's "venv" \\n"""])
def program(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """An interpreter whose path has what is special to systemd."""
    path = tmp_path / request.param / "python"
    path.parent.mkdir()
    path.symlink_to(sys.executable)
    return path


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not on this machine")
@pytest.mark.parametrize("privileges", [False, True])
def test_systemd_has_nothing_to_say_against_them(
    tmp_path: Path, program: Path, privileges: bool
) -> None:
    command = unit.command_line((str(program), "-m", "kfwd"))
    text = unit.service(command, unit.assigned(FOLDERS), privileges=privileges)
    (tmp_path / unit.SERVICE).write_text(files.sealed(text))
    (tmp_path / unit.SOCKET).write_text(files.sealed(unit.socket("/a b/100%%/kfwd.sock")))
    assert verdict(tmp_path) == (0, "")


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not on this machine")
def test_that_verdict_is_not_always_the_same(tmp_path: Path) -> None:
    command = unit.command_line((str(tmp_path / "nothing"),))
    text = unit.service(command).replace("WatchdogSec", "Watchdog")
    (tmp_path / unit.SERVICE).write_text(text)
    (tmp_path / unit.SOCKET).write_text(unit.socket("/kfwd.sock"))
    code, said = verdict(tmp_path)
    assert code != 0
    assert "Unknown key 'Watchdog'" in said
    assert f"{tmp_path}/nothing is not executable" in said


def verdict(folder: Path) -> tuple[int, str]:
    names = [str(folder / name) for name in (unit.SERVICE, unit.SOCKET)]
    done = subprocess.run(
        ["systemd-analyze", "--user", "--man=no", "--generators=no", "verify", *names],
        env={"XDG_RUNTIME_DIR": str(folder), "HOME": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_what_a_unit_sets_is_known_again() -> None:
    text = unit.service("/bin/true", unit.assigned(FOLDERS))
    assert unit.has_assigned(text, FOLDERS)
    assert not unit.has_assigned(text, FOLDERS | {"KFWD_LOG_DIR": "/other"})
    assert 'Environment="KFWD_STATE_DIR=/a b/100%%/\\"$x\\\\y"\n' in text


def test_what_would_break_login_plugins_is_not_in_it() -> None:
    """Their own folders, agents in /tmp, browsers and just-in-time compilers."""
    text = unit.service("/bin/true")
    for word in ("Protect", "Private", "RestrictNamespaces", "MemoryDenyWriteExecute", "Memory"):
        assert f"\n{word}" not in text
    assert "NoNewPrivileges" in text
    assert not {"NoNewPrivileges", "SystemCall", "Restrict", "Lock"} & {
        line.partition("=")[0] for line in unit.service("/bin/true", privileges=True).splitlines()
    }


def test_the_templates_are_what_is_installed() -> None:
    command = "%h/.local/bin/kfwd daemon run --service"
    assert (CONFIG / unit.SERVICE).read_text() == unit.service(command)
    assert (CONFIG / unit.SOCKET).read_text() == unit.socket("%t/kfwd/kfwd.sock")
