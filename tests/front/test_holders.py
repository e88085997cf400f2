"""The processes at the other ends of many connections."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kfwd.front.connection import ends
from kfwd.front.holders import LOOK_S, holders

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells only on Linux")
CODE = "import socket, sys; socket.create_connection(('::1', int(sys.argv[1]))).recv(1)"


@LINUX
def test_each_connection_has_the_process_that_made_it() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("::1", port)):
            own, _ = server.accept()
            with subprocess.Popen([sys.executable, "-S", "-c", CODE, str(port)]) as child, own:
                other, _ = server.accept()
                with other:
                    found = holders([ends(own), ends(other), ("unix", "unix:/s"), ("gone", "")])
                    assert {at: each.pid for at, each in found.items()} == {
                        ends(own): os.getpid(),
                        ends(other): child.pid,
                    }
                    comm = Path(f"/proc/{child.pid}/comm").read_text().strip()
                    assert found[ends(other)].name == comm


@LINUX
def test_what_others_do_on_a_busy_machine_does_not_end_the_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def late() -> Iterator[Path]:
        time.sleep(0.05)  # as if others had the core
        yield Path(f"/proc/{os.getpid()}")

    monkeypatch.setattr("kfwd.front.holders.LOOK_S", 0.04)
    monkeypatch.setattr("kfwd.front.holders.processes", lambda _: late())
    server = socket.create_server(("127.0.0.1", 0))
    with server, socket.create_connection(server.getsockname()):
        accepted, _ = server.accept()
        with accepted:
            assert holders([ends(accepted)])[ends(accepted)].pid == os.getpid()


@LINUX
def test_it_gives_up_in_time() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    with server, socket.create_connection(server.getsockname()):
        accepted, _ = server.accept()
        with accepted:
            late = iter((0.0, LOOK_S * 2))
            assert holders([ends(accepted)], clock=lambda: next(late)) == {}


def test_where_the_system_does_not_tell_there_is_nobody(tmp_path: Path) -> None:
    assert holders([("127.0.0.1:4711", "127.0.0.1:80")], tmp_path) == {}
