"""Error texts of every runtime in protocol notes C.4, and what each proves."""

from __future__ import annotations

import pytest

from kfwd.wire.failure import Failure, classify

CONTAINERD_REFUSED = (
    "error forwarding port 9999 to pod 4f2, uid : failed to execute portforward in network "
    'namespace "/var/run/netns/cni-1": failed to connect to localhost:9999 inside namespace '
    '"4f2", IPv4: '
    "dial tcp4 127.0.0.1:9999: connect: connection refused IPv6 dial tcp6 [::1]:9999: connect: "
    "connection refused "
)
PREFIX = "error forwarding port 80 to pod 4f2, uid : "


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        (CONTAINERD_REFUSED, Failure.REFUSED),
        (
            PREFIX + 'port forward into network namespace "/n": failed to connect to localhost:80 '
            "inside namespace c: dial tcp [::1]:80: connect: connection refused",
            Failure.REFUSED,
        ),
        (PREFIX + "dial tcp4 10.0.0.7:80: i/o timeout", Failure.REFUSED),
        (
            PREFIX + "exit status 1: 2021/12/15 10:43:28 socat[11386] E connect(5, AF=2 "
            "127.0.0.1:6446, 16): Connection refused\n",
            Failure.REFUSED,
        ),
        (
            PREFIX + "exit status 1: 2021/12/15 10:43:28 socat[11386] E read(5, 0x55, 8192): "
            "Connection reset by peer\n",
            Failure.OTHER,
        ),
        (PREFIX + "unable to do port forwarding: socat not found", Failure.OTHER),
        (PREFIX + "container not running (4f2)", Failure.GONE),
        (
            PREFIX + "Error response from daemon: No such container: 4f2",
            Failure.GONE,
        ),
        (PREFIX + 'failed to find sandbox "4f2" in store: not found', Failure.GONE),
        (PREFIX + 'network namespace for sandbox "4f2" is closed', Failure.GONE),
        (PREFIX + "sandbox 4f2 is not running", Failure.GONE),
        (PREFIX + "could not find sandbox 4f2", Failure.GONE),
        (PREFIX + "PodSandbox with ID starting with 4f2 not found: no such id", Failure.GONE),
        (PREFIX + "network namespace path of sandbox 4f2 is empty", Failure.GONE),
        (
            PREFIX + 'port forward into network namespace "/var/run/netns/1": failed to Statfs '
            '"/var/run/netns/1": no such file or directory',
            Failure.GONE,
        ),
        (
            PREFIX + 'failed to execute portforward in network namespace "/var/run/netns/cni-1": '
            'get netns fd: failed to Statfs "/var/run/netns/cni-1": no such file or directory',
            Failure.GONE,
        ),
        (
            PREFIX + "failed to execute portforward in network namespace "
            '"/var/run/netns/cni-1": read tcp4 127.0.0.1:46540->127.0.0.1:7687: read: connection '
            "reset by peer",
            Failure.OTHER,
        ),
        ("(conn=0x1, request=3) timed out waiting for streams", Failure.OTHER),
        ("connection refused", Failure.OTHER),
        ("", Failure.OTHER),
    ],
)
def test_a_text_proves_only_what_it_says(text: str, meaning: Failure) -> None:
    assert classify(text) is meaning
