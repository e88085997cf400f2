"""The process at the other end."""

from __future__ import annotations

import ipaddress
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kfwd.front.process import Processes, Row, row_of

V4 = """  sl  local_address rem_address   st tx rx tr tm retrnsmt uid timeout inode
   0: 0100007F:C000 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1
   1: 0100007F:C000 0200007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 4713 1
   2: 0100007F:1F90 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 4714 1
"""
V6 = f"""  sl  local_address rem_address   st tx rx tr tm retrnsmt uid timeout inode
   0: {"0" * 16}FFFF00000100007F:C000 {"0" * 16}FFFF00000100007F:1F90 01 0:0 00:0 0 7 0 55 1
   1: {"0" * 24}01000000:C000 {"0" * 24}01000000:1F90 01 0:0 00:0 0 8 0 56 1
"""
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells only on Linux")


def end(host: str, port: int) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]:
    return ipaddress.ip_address(host), port


@pytest.mark.skipif(sys.byteorder != "little", reason="the table is of a little-endian machine")
def test_the_row_is_that_of_the_other_end_with_both_addresses() -> None:
    client, here = end("127.0.0.1", 0xC000), end("127.0.0.1", 8080)
    assert row_of(V4, client, here) == Row("4712", 1000)
    assert row_of(V4, client, end("127.0.0.2", 8080)) == Row("4713", 1001)
    assert row_of(V4, client, end("127.0.0.3", 8080)) is None
    assert row_of(V6, client, here) == Row("55", 7)
    assert row_of(V6, end("::1", 0xC000), end("::1", 8080)) == Row("56", 8)


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
