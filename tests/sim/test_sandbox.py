"""The runtimes' words (protocol notes C.4)."""

from __future__ import annotations

import pytest

from kfwd.sim.sandbox import Sandbox, sandbox, socket_error

HEX = "ab" * 32
BEFORE = f"error forwarding port 80 to pod {HEX}, uid : "


def known(runtime: str) -> Sandbox:
    return Sandbox(HEX, "/var/run/netns/cni-1", runtime)  # type: ignore[arg-type]  # from a table


@pytest.mark.parametrize(
    ("runtime", "expected"),
    [
        (
            "containerd16",
            'failed to execute portforward in network namespace "/var/run/netns/cni-1":'
            f' failed to connect to localhost:80 inside namespace "{HEX}",'
            " IPv4: dial tcp4 127.0.0.1:80: connect: connection refused"
            " IPv6 dial tcp6 [::1]:80: connect: connection refused ",
        ),
        (
            "crio",
            'port forward into network namespace "/var/run/netns/cni-1":'
            f' failed to connect to localhost:80 inside namespace "{HEX}":'
            " dial tcp [::1]:80: connect: connection refused",
        ),
        (
            "main",
            'failed to execute portforward in network namespace "/var/run/netns/cni-1":'
            " dial tcp4 127.0.0.1:80: connect: connection refused\n"
            "dial tcp6 [::1]:80: connect: connection refused",
        ),
    ],
)
def test_a_refused_port(runtime: str, expected: str) -> None:
    assert known(runtime).refused(80) == BEFORE + expected


@pytest.mark.parametrize(
    ("runtime", "expected"),
    [
        ("containerd16", f'network namespace for sandbox "{HEX}" is closed'),
        ("main", f'network namespace for sandbox "{HEX}" is closed'),
        ("crio", f"sandbox {HEX} is not running"),
    ],
)
def test_a_pod_that_is_gone(runtime: str, expected: str) -> None:
    assert known(runtime).gone(80) == BEFORE + expected


def test_a_connection_that_broke() -> None:
    error = socket_error("read", 46540, 80, ConnectionResetError(104, "Connection reset by peer"))
    assert error == "read tcp4 127.0.0.1:46540->127.0.0.1:80: read: connection reset by peer"
    assert known("containerd16").broken(80, error).endswith(f'cni-1": {error}')
    expected = f'{BEFORE}failed to execute portforward for "{HEX}" port 80: {error}'
    assert known("main").broken(80, error) == expected


def test_a_pod_always_has_the_same_sandbox_and_another_pod_another() -> None:
    first, second = sandbox("a", "crio"), sandbox("b", "crio")
    assert first == sandbox("a", "crio")
    assert first.id != second.id
    assert len(first.id) == 64
