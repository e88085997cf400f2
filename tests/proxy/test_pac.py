"""The PAC file, read by the only reader of it that counts here: one that knows its shape."""

from __future__ import annotations

import json
import re

import pytest

from kfwd.proxy.pac import script
from tests.proxy.landscapes import landscape


def route(host: str) -> str:
    """What the script's function returns, by the two tables in it."""
    text = script(landscape(), "127.0.0.1", "8888")
    tables = dict(re.findall(r"^var (\w+) = (.*);$", text, re.MULTILINE))
    suffixes, names = json.loads(tables["suffixes"]), json.loads(tables["names"])
    proxied = host in names or any(host.endswith(suffix) for suffix in suffixes)
    assert 'return "PROXY 127.0.0.1:8888";' in text
    return "proxy" if proxied else "direct"


@pytest.mark.parametrize(
    ("host", "way"),
    [
        ("web.shop.svc.cluster.local", "proxy"),
        ("web.shop.svc", "proxy"),
        ("web-1.shop.pod.cluster.local", "proxy"),
        ("10.96.0.9", "proxy"),
        ("foo.bar.com", "proxy"),
        ("route.example", "proxy"),
        ("x.wild.example", "proxy"),
        ("wild.example", "direct"),
        ("bar.com", "direct"),
        ("web.shop", "direct"),
        ("web.shop.localhost", "direct"),
        ("example.com", "direct"),
        ("None", "direct"),
    ],
)
def test_only_what_is_the_clusters_own_goes_to_the_gateway(host: str, way: str) -> None:
    assert route(host) == way


def test_an_ipv6_listener_is_named_in_brackets() -> None:
    assert "PROXY [::1]:8888" in script(landscape(), "::1", "8888")
