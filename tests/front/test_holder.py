"""Who holds a port."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from kfwd.front.holder import port_holder


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells only on Linux")
def test_it_names_the_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert f"(pid {os.getpid()})" in str(port_holder(server.getsockname()[1]))


def test_where_the_system_does_not_tell_nothing_is_said(tmp_path: Path) -> None:
    assert port_holder(8080, proc=tmp_path) is None
