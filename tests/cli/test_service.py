"""Installing, looking at and removing the service, by a systemctl that only takes notes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kfwd.errors import ExitCode
from kfwd.service import environment
from tests.cli.conftest import Run
from tests.service.fakes import Fake
from tests.standin import StandIn, snapshot


@pytest.fixture
def fake(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    del home
    (tmp_path / "fake").mkdir()
    fake = Fake(tmp_path / "fake", "systemctl")
    for name, value in {**fake.env, "DISPLAY": ":0"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    return fake


def test_it_is_installed_once_and_removed_once(run: Run, fake: Fake, home: Path) -> None:
    result = run("service", "install")
    assert (result.code, result.err) == (0, "")
    assert result.out == f"installed: {fake.file}\nrunning, pid 4711\n"
    assert "start kfwd.service" in fake.calls
    assert environment.recorded(home / "state") == {"PATH": fake.env["PATH"]}
    assert run("service", "install").out.startswith("already installed: ")
    assert run("service", "uninstall").out == f"removed: {fake.file}\n"
    assert run("service", "uninstall").out == "not installed\n"


def test_its_status_is_words_json_and_an_exit_status(run: Run, fake: Fake) -> None:
    result = run("service", "status")
    assert result.code == ExitCode.NO_DAEMON
    assert result.out == f"not installed: {fake.file} is not there\n"
    run("service", "install", "--socket")
    assert json.loads(run("service", "status", "-o", "json").out) == {
        "manager": "systemd",
        "file": str(fake.file),
        "installed": True,
        "edited": False,
        "current": True,
        "enabled": True,
        "state": "active",
        "pid": 4711,
        "sockets": True,
        "lingers": False,
    }
    fake.file.write_text(fake.file.read_text() + "# mine\n")
    (fake.folder / "enabled").unlink()
    assert run("service", "status").lines == [
        "systemd: active, pid 4711",
        f"file: {fake.file}",
        "changed by hand since it was installed",
        "not started on login: `kfwd service install`",
    ]
    result = run("service", "install")
    assert result.code == ExitCode.FAILED
    assert "\nhint: `systemctl --user edit kfwd` keeps changes apart" in result.err
    assert run("service", "install", "--force").code == 0


def test_one_of_another_version_is_said_to_be_so(run: Run, fake: Fake) -> None:
    run("service", "install")
    from kfwd.service import files

    fake.file.write_text(files.sealed("[Service]\nExecStart=/old\n"))
    assert "not as this version would write it: `kfwd service install`" in (
        run("service", "status").lines
    )


@pytest.mark.parametrize("command", ["install", "uninstall", "status"])
def test_without_a_service_manager_that_is_said(run: Run, fake: Fake, command: str) -> None:
    fake.mark("no-bus")
    result = run("service", command)
    assert result.code == ExitCode.FAILED
    assert result.err.startswith("kfwd: no systemd runs here for you: Failed to connect to bus")
    assert "`kfwd daemon start` runs the daemon without one" in result.err
    assert not fake.file.exists()


def test_a_machine_that_logs_out_is_told_of_lingering(
    run: Run, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "1 2 3 4")
    assert "loginctl enable-linger" in run("service", "install").err


def test_a_daemon_without_a_manager_makes_way(run: Run, fake: Fake, daemon: StandIn) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    )

    def stop(request: object, connection: object) -> None:
        del request
        process.stdin.close()  # type: ignore[union-attr]  # it is a pipe
        connection.sendall(daemon.reply(b'{"pid": %d}' % process.pid))  # type: ignore[attr-defined]

    daemon.on("GET /v1/snapshot", snapshot())
    daemon.on_raw("POST /v1/stop", stop)
    result = run("service", "install")
    assert f"stopped the daemon with pid {process.pid}, so that" in result.err
    assert process.wait() == 0


def test_the_services_own_daemon_stays(run: Run, fake: Fake, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot())
    (fake.folder / "pid").write_text("1")
    result = run("service", "install")
    assert (result.code, result.err) == (0, "")


def test_a_daemon_is_started_as_the_service_where_that_is_installed(run: Run, fake: Fake) -> None:
    run("service", "install")
    fake.mark("broken")
    result = run("daemon", "start")
    assert result.code == ExitCode.FAILED
    assert "failed: Job for kfwd.service failed." in result.err
