"""Listeners that outlive the process: a systemd that keeps them, daemons that are killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kfwd.daemon.fd_store import Restored, name_of
from kfwd.paths import Paths
from tests.daemon.process import refused
from tests.daemon.systemd import Systemd
from tests.ports import free_port

PORT_FREE_S = 5.0


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    systemd = Systemd(tmp_path)
    yield systemd
    systemd.close()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PORT_FREE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def waiting(systemd: Systemd) -> int:
    return sum(entry.connections.waiting for entry in systemd.snapshot().entries)


def state(systemd: Systemd) -> set[tuple[str, str | None]]:
    """What each entry is, and its problem."""
    entries = systemd.snapshot().entries
    return {(e.state, e.problem.code if e.problem else None) for e in entries}


def started(systemd: Systemd, *ports: int) -> subprocess.Popen[str]:
    """A service with a listener on each port, all of which are kept."""
    systemd.profile("dev", *ports)
    process = systemd.run()
    systemd.heard("READY=1")
    systemd.up()
    for _ in ports:
        systemd.heard("FDSTORE=1")
    return process


def again(systemd: Systemd) -> subprocess.Popen[str]:
    process = systemd.run()
    systemd.heard("READY=1")
    return process


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_who_connects_between_two_processes_is_served_by_the_second(
    systemd: Systemd, number: int
) -> None:
    process = started(systemd, port := free_port())
    systemd.end(process, number)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(b"while nobody was there")
        process = again(systemd)
        until(lambda: waiting(systemd) == 1)
        systemd.end(process, signal.SIGKILL)
    again(systemd)
    assert not refused(port)


def test_a_port_that_is_let_go_is_free_though_there_are_copies(systemd: Systemd) -> None:
    started(systemd, port := free_port())
    systemd.client.act("dev/web", "restart")
    assert ("waiting", "port-in-use") not in state(systemd)
    systemd.heard("FDSTOREREMOVE=1")
    systemd.heard("FDSTORE=1")
    assert len(systemd.store) == 1
    systemd.client.act("dev/web", "pause")
    systemd.heard("FDSTOREREMOVE=1")
    assert systemd.store == {}
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_daemon_that_a_person_stops_lets_go_of_its_ports(systemd: Systemd) -> None:
    process = started(systemd, port := free_port())
    systemd.client.stop()
    assert process.wait(10) == 0
    assert systemd.store != {}
    assert refused(port)


def test_what_is_wanted_no_more_is_let_go(systemd: Systemd) -> None:
    process = started(systemd, gone := free_port(), kept := free_port())
    systemd.end(process, signal.SIGKILL)
    systemd.profile("dev", kept)
    again(systemd)
    systemd.client.up(("dev",), (systemd.kubeconfig,))
    until(lambda: refused(gone))
    assert not refused(kept)


def test_a_daemon_that_took_over_keeps_them_too(systemd: Systemd) -> None:
    old = started(systemd, port := free_port())
    new = systemd.hand_over()
    systemd.heard("FDSTORE=1")
    assert len(systemd.store) == 1
    assert old.wait(10) == 0
    os.kill(new, signal.SIGKILL)
    again(systemd)
    assert not refused(port)
    assert len(systemd.store) == 1


def test_a_command_starts_the_daemon_by_the_control_socket(systemd: Systemd) -> None:
    with socket.socket(socket.AF_UNIX) as control:
        control.bind(str(systemd.paths.socket))
        control.listen()
        systemd.passed.append(("control", control))
        with socket.socket(socket.AF_UNIX) as early:
            early.connect(str(systemd.paths.socket))
            process = again(systemd)
            early.sendall(b"GET /v1/snapshot HTTP/1.1\r\nHost: kfwd\r\n\r\n")
            assert early.recv(4096).startswith(b"HTTP/1.1 200")
        new = systemd.hand_over()
        assert process.wait(10) == 0
        assert systemd.snapshot().daemon.pid == new
        systemd.client.stop()
        systemd.heard("STOPPING=1")
        until(lambda: not systemd.paths.lock.exists())
        assert systemd.paths.socket.is_socket()


def test_a_name_says_whose_socket_it_is_in_what_systemd_takes(tmp_path: Path) -> None:
    paths = Paths(config=tmp_path, state=tmp_path, runtime=tmp_path, log=tmp_path)
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    name = name_of("-/wéb:1@2", sock)
    assert name.isascii()
    assert ":" not in name
    restored = Restored([(name, sock.detach())], paths)
    assert list(restored.sockets) == ["-/wéb:1@2"]
    assert restored.sockets["-/wéb:1@2"][f"127.0.0.1:{port}"].getblocking() is False
    restored.close()
    assert refused(port)


def test_what_cannot_be_used_is_closed_and_its_name_known(tmp_path: Path) -> None:
    paths = Paths(config=tmp_path, state=tmp_path, runtime=tmp_path, log=tmp_path)
    lost = socket.socket(socket.AF_UNIX)
    lost.bind(str(tmp_path / "lost.sock"))
    lost.listen()
    (tmp_path / "lost.sock").unlink()
    given = {
        "dev/web@1": os.open("/dev/null", os.O_RDONLY),
        "dev/web@2": socket.socket().detach(),
        "dev/web@3": lost.detach(),
        "stranger": socket.create_server(("127.0.0.1", 0)).detach(),
        "control": socket.create_server(("127.0.0.1", 0)).detach(),
    }
    restored = Restored(given.items(), paths)
    assert (restored.control, restored.sockets) == (None, {})
    assert restored.names == {*given} - {"control"}
    for number in given.values():
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(number)
