"""The daemon as systemd runs it, by exactly the unit's command line."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from kfwd.service import environment
from tests.daemon.process import refused
from tests.daemon.systemd import Systemd
from tests.ports import free_port


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    systemd = Systemd(tmp_path)
    yield systemd
    systemd.close()


def test_it_is_ready_when_it_serves_and_says_when_it_reads_and_stops(systemd: Systemd) -> None:
    systemd.profile("dev", port := free_port())
    environment.record(systemd.paths.state, {"PATH": "/a/persons"})
    process = systemd.run(WATCHDOG_USEC="300000")
    assert systemd.heard("READY=1") == process.pid
    assert systemd.snapshot().daemon.pid == process.pid
    systemd.up()
    assert not refused(port)
    assert systemd.heard("WATCHDOG=1") == systemd.heard("WATCHDOG=1") == process.pid
    process.send_signal(signal.SIGHUP)
    systemd.heard("RELOADING=1")
    systemd.heard("READY=1")
    process.send_signal(signal.SIGTERM)
    systemd.heard("STOPPING=1")
    _, said = process.communicate(timeout=10)
    assert (process.returncode, said) == (0, "")
    assert environment.recorded(systemd.paths.state) == {"PATH": "/a/persons"}


def test_a_restart_stays_in_the_unit(systemd: Systemd) -> None:
    old = systemd.run(WATCHDOG_USEC="300000", WATCHDOG_PID="1")
    systemd.heard("READY=1")
    new = systemd.hand_over()
    assert systemd.heard("RELOADING=1") == old.pid
    vouched = {systemd.heard(f"MAINPID={new}"), systemd.heard(f"MAINPID={new}")}
    assert vouched == {old.pid, new}
    assert systemd.heard("WATCHDOG=1") == new
    assert old.wait(10) == 0
    os.kill(new, signal.SIGTERM)
    assert systemd.heard("STOPPING=1") == new
    assert (old.pid, "STOPPING=1") not in systemd.said
    assert (old.pid, "WATCHDOG=1") not in systemd.said
    assert environment.recorded(systemd.paths.state) == environment.of(systemd.env)


def test_a_restart_that_fails_is_no_reload_that_goes_on(systemd: Systemd) -> None:
    from kfwd.errors import KfwdError

    old = systemd.run()
    systemd.heard("READY=1")
    with pytest.raises(KfwdError, match="goes on"):
        systemd.hand_over("/bin/false")
    systemd.heard("RELOADING=1")
    assert systemd.heard("READY=1") == old.pid
    assert systemd.main_pid == old.pid
    assert environment.recorded(systemd.paths.state) is None
