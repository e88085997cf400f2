"""What Linux tells of sockets."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys

import pytest

from kfwd.front import proc
from kfwd.front.proc import PROC, Row, end_of, listening_inodes, row_of

V4 = """  sl  local_address rem_address   st tx rx tr tm retrnsmt uid timeout inode
   0: 0100007F:C000 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1
   1: 0100007F:C000 0200007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 4713 1
   2: 0100007F:1F90 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 4714 1
   3: 0100007F:C001 0100007F:1F90 05 00000000:00000000 00:00000000 00000000     0        0 0 1
"""
V6 = f"""  sl  local_address rem_address   st tx rx tr tm retrnsmt uid timeout inode
   0: {"0" * 16}FFFF00000100007F:C000 {"0" * 16}FFFF00000100007F:1F90 01 0:0 00:0 0 7 0 55 1
   1: {"0" * 24}01000000:C000 {"0" * 24}01000000:1F90 01 0:0 00:0 0 8 0 56 1
"""
LISTENING = """  sl  local_address rem_address   st tx rx tr tm retrnsmt uid timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1
   1: 0100007F:1F90 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 4712 1
   2: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1
"""


def end(host: str, port: int) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]:
    return ipaddress.ip_address(host), port


@pytest.mark.skipif(sys.byteorder != "little", reason="the table is of a little-endian machine")
def test_the_row_is_that_of_the_other_end_with_both_addresses() -> None:
    client, here = end("127.0.0.1", 0xC000), end("127.0.0.1", 8080)
    assert row_of(V4, client, here) == Row("4712", 1000)
    assert row_of(V4, client, end("127.0.0.2", 8080)) == Row("4713", 1001)
    assert row_of(V4, client, end("127.0.0.3", 8080)) is None
    assert row_of(V4, end("127.0.0.1", 0xC001), here) is None  # closed: whose it was is not told
    assert row_of(V6, client, here) == Row("55", 7)
    assert row_of(V6, end("::1", 0xC000), end("::1", 8080)) == Row("56", 8)


@pytest.mark.skipif(sys.platform != "linux", reason="tells of sockets in no such way")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_netlink_tells_what_the_tables_tell(host: str) -> None:
    family = socket.AF_INET6 if host == "::1" else socket.AF_INET
    with (
        socket.create_server((host.removeprefix("::ffff:"), 0), family=family) as server,
        socket.create_connection((host, server.getsockname()[1])) as client,
    ):
        there, here = end_of(client.getsockname()), end_of(client.getpeername())
        row = proc._asked(there, here)
        assert row == Row(str(os.fstat(client.fileno()).st_ino), os.getuid())
        assert row == next(
            found for table in proc._tables(PROC) if (found := row_of(table, there, here))
        )
        assert proc._asked(here, (there[0], 1)) is None


def test_only_listening_sockets_on_the_port_count() -> None:
    assert listening_inodes(LISTENING, 8080) == {"4711"}
    assert listening_inodes(LISTENING, 81) == set()
