from __future__ import annotations

from kfwd.proxy import passing
from kfwd.proxy.upstream import Client
from kfwd.wire.http1 import Lines, RequestHead, indexed


def request(*lines: tuple[str, str]) -> RequestHead:
    return RequestHead(lines, indexed(lines), 1, "GET", "/")


PEER = Client("127.0.0.1:5", "127.0.0.1:80")


def test_headers_for_this_hop_are_dropped() -> None:
    head = request(("Host", "a"), ("Connection", "close, x"), ("X", "1"), ("Accept", "b"))
    assert passing.lines(head, upgrade=False) == (("Host", "a"), ("Accept", "b"))


def test_an_upgrade_is_asked_for_again() -> None:
    head = request(("Connection", "keep-alive, Upgrade"), ("Upgrade", "SPDY/3.1"), ("A", "b"))
    assert passing.upgrades(head)
    assert passing.lines(head, upgrade=True) == (
        ("A", "b"),
        ("Connection", "Upgrade"),
        ("Upgrade", "SPDY/3.1"),
    )


def test_http_2_is_not_asked_for() -> None:
    assert not passing.upgrades(request(("Connection", "Upgrade"), ("Upgrade", "h2c")))


def test_the_client_s_address_goes_behind_those_before_it() -> None:
    kept: Lines = (("A", "b"), ("x-forwarded-for", "10.0.0.1"))
    lines = passing.forwarded_for(request(*kept), kept, PEER)
    assert lines == (("A", "b"), ("X-Forwarded-For", "10.0.0.1, 127.0.0.1"))
    assert passing.forwarded_for(request(), (), PEER) == (("X-Forwarded-For", "127.0.0.1"),)


def test_an_ipv6_address_has_no_brackets_and_a_unix_socket_none() -> None:
    assert Client("[::1]:5", "[::1]:80").host == "::1"
    assert passing.forwarded_for(request(), (), Client("unix", "unix:/x")) == ()
