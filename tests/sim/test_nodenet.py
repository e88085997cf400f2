"""Nets of loopback addresses, one for each cluster on the machine."""

from __future__ import annotations

import os
import socket

import pytest

from kfwd.errors import KfwdError, UsageError
from kfwd.sim import nodenet

NET = f"127.{100 + os.getpid() % 100}.7"
"""Another for every test process, and none that a cluster takes by itself."""


def test_nodes_and_load_balancers_have_addresses_in_the_net() -> None:
    net = nodenet.NodeNet("127.5.6", None)
    assert net.nodes == {f"node-{n}": f"127.5.6.1{n}" for n in range(1, 5)}
    assert net.load_balancers[0] == "127.5.6.101"
    assert not set(net.load_balancers) & set(net.nodes.values())


def test_a_net_that_another_cluster_has_is_refused_until_that_one_is_closed() -> None:
    first = nodenet.claim(NET)
    with pytest.raises(KfwdError, match="taken by another simulated cluster"):
        nodenet.claim(NET)
    first.close()
    nodenet.claim(NET).close()


def test_clusters_that_ask_for_no_net_get_different_ones() -> None:
    nets = [nodenet.claim() for _ in range(3)]
    assert len({net.prefix for net in nets}) == 3
    for net in nets:
        net.close()


@pytest.mark.parametrize("text", ["127.0.0.1", "10.0.0", "127.256.0", "127.0", "127.0.0.0/24", ""])
def test_what_is_no_net_of_loopback_addresses_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no node net"):
        nodenet.claim(text)


def test_nothing_outside_127_8_is_ever_bound() -> None:
    with pytest.raises(OSError, match="only addresses in 127/8"):
        nodenet.bound("0.0.0.0", 0)
    assert nodenet.can_bind(["192.0.2.1"], 80)


def test_a_port_counts_as_free_only_if_no_address_has_it_in_use() -> None:
    with socket.create_server((f"{NET}.12", 0)) as server:
        port = server.getsockname()[1]
        is_free = nodenet.free_on([f"{NET}.11", f"{NET}.12"])
        assert not is_free(port)
        assert nodenet.can_bind([f"{NET}.11"], port)
    assert is_free(port)


def test_the_internal_address_is_told_from_the_others() -> None:
    addresses = [
        {"type": "ExternalIP", "address": "192.0.2.1"},
        {"type": "InternalIP", "address": "127.0.0.11"},
    ]
    assert nodenet.internal_address({"status": {"addresses": addresses}}) == "127.0.0.11"
    assert nodenet.internal_address({}) == ""
