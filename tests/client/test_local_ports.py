"""Which local ports are chosen, and which are free."""

from __future__ import annotations

import socket

import pytest

from kfwd.client import local_ports


@pytest.mark.parametrize(
    ("remotes", "taken", "chosen"),
    [
        ([9000, 5432], [], [9000, 5432]),
        ([80, 443], [], [8080, 8443]),
        ([80, 8080], [], [8080, 8081]),
        ([9000], [9000, 9001], [9002]),
        ([65535, 65535], [], [65535, 0]),
        ([0], [], [0]),
    ],
)
def test_the_nearest_port_that_is_not_taken(
    remotes: list[int], taken: list[int], chosen: list[int]
) -> None:
    assert local_ports.choose(remotes, taken, lambda port: True) == chosen


def test_a_port_that_is_bound_is_passed_over() -> None:
    assert local_ports.choose([9000], (), lambda port: port > 9004) == [9005]
    assert local_ports.choose([9000], (), lambda port: False) == [0]


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_a_listener_of_either_family_takes_a_port(family: socket.AddressFamily, host: str) -> None:
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not local_ports.is_free(port)
    assert local_ports.is_free(port)
