"""Who holds a port."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from kfwd.front.holder import listening_inodes, port_holder

TABLE = """  sl  local_address rem_address   st tx rx tr tm retrnsmt uid timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1
   1: 0100007F:1F90 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 4712 1
   2: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1
"""


def test_only_listening_sockets_on_the_port_count() -> None:
    assert listening_inodes(TABLE, 8080) == {"4711"}
    assert listening_inodes(TABLE, 81) == set()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells only on Linux")
def test_it_names_the_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert f"(pid {os.getpid()})" in str(port_holder(server.getsockname()[1]))


def test_where_the_system_does_not_tell_nothing_is_said(tmp_path: Path) -> None:
    assert port_holder(8080, proc=tmp_path) is None
