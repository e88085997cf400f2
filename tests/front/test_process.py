"""The process at the other end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kfwd.front.process import Processes

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells only on Linux")


@LINUX
def test_it_is_this_process_that_connected_to_itself() -> None:
    processes = Processes()
    with socket.create_server(("127.0.0.1", 0)) as server:
        for _ in range(2):
            with socket.create_connection(server.getsockname()):
                accepted, _ = server.accept()
                with accepted:
                    assert processes.of(accepted) == os.getpid()


@LINUX
def test_an_ipv4_client_on_an_ipv6_socket_is_found_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_INET6) as client:
        client.connect(("::ffff:127.0.0.1", server.getsockname()[1]))
        accepted, _ = server.accept()
        with accepted:
            assert Processes().of(accepted) == os.getpid()


@LINUX
def test_another_process_is_told_from_this_one() -> None:
    code = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1]))).recv(1)"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        with subprocess.Popen([sys.executable, "-S", "-c", code, port]) as child:
            accepted, _ = server.accept()
            with accepted:
                assert Processes().of(accepted) == child.pid


@LINUX
def test_a_unix_socket_knows_its_peer(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))
        accepted, _ = server.accept()
        with accepted:
            assert Processes().of(accepted) == os.getpid()


def test_where_the_system_does_not_tell_there_is_no_process(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()):
            accepted, _ = server.accept()
            with accepted:
                assert Processes(tmp_path).of(accepted) is None
        assert Processes(tmp_path).of(accepted) is None, "closed meanwhile"
