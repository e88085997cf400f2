"""Who may call is decided by the peer and three headers."""

from __future__ import annotations

import os
import socket

import pytest

from kfwd.daemon.api.guard import peer_uid, refusal

GOOD = {"Host": "kfwd"}


@pytest.mark.parametrize(
    ("headers", "peer", "refused"),
    [
        (GOOD, 1000, None),
        ({"Host": "localhost"}, 1000, None),
        (GOOD, 0, None),
        (GOOD, 1001, "user 1001 may not control the daemon of user 1000"),
        ({**GOOD, "Origin": "null"}, 1000, "requests from web pages are refused"),
        ({**GOOD, "Referer": "http://x/"}, 1000, "requests from web pages are refused"),
        ({"Host": "kfwd.evil.example"}, 1000, "Host must be one of kfwd, localhost"),
        ({"Host": "localhost:8001"}, 1000, "Host must be one of kfwd, localhost"),
        ({}, 1000, "Host must be one of kfwd, localhost"),
    ],
)
def test_only_the_own_user_and_root_and_no_page_of_the_web(
    headers: dict[str, str], peer: int, refused: str | None
) -> None:
    assert refusal(headers, peer, 1000) == refused


def test_the_peer_of_a_unix_socket_is_who_connected() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert peer_uid(one) == os.getuid()
