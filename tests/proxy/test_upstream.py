from __future__ import annotations

from kfwd.proxy.upstream import Client


def test_a_client_s_host_is_its_address_alone() -> None:
    assert Client("127.0.0.1:54321", "x").host == "127.0.0.1"
    assert Client("[::1]:54321", "x").host == "::1"
    assert Client("unix", "unix:/x").host == ""
