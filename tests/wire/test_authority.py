"""HOST:PORT."""

from __future__ import annotations

from kfwd.wire.authority import authority


def test_only_an_ipv6_address_gets_brackets() -> None:
    assert authority("web", 80) == "web:80"
    assert authority("127.0.0.1", 80) == "127.0.0.1:80"
    assert authority("::1", 80) == "[::1]:80"
