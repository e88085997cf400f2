"""Requests as lines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kfwd.api_model import RequestView
from kfwd.model import Bytes, PortView
from kfwd.text import clock
from kfwd.tui.pieces import text
from kfwd.tui.request_lines import curl, details, heading, matches, request, tone
from tests.standin import entry

AT = datetime(2026, 1, 1, 12, 30, 1, tzinfo=UTC)


def asked(**changes: Any) -> RequestView:
    known: dict[str, Any] = {
        "time": AT,
        "method": "GET",
        "path": "/orders",
        "status": 200,
        "duration_ms": 3.14,
        "bytes": Bytes(received=812),
        "pod": "web-0",
    }
    return RequestView(**(known | changes))


def test_a_line() -> None:
    assert text(request(asked())) == f"   {clock(AT)} GET     200    3.1 ms   812 B  /orders"
    assert " -  " in text(request(asked(status=0)))
    assert text(request(asked())).index("/orders") == text(heading(80)).index("PATH")


@pytest.mark.parametrize(
    ("status", "found"), [(0, "warn"), (204, "good"), (302, "good"), (404, "warn"), (503, "bad")]
)
def test_tones(status: int, found: str) -> None:
    assert tone(status) == found


LISTENS = (PortView(listen=("127.0.0.1:8888",), remote=None, port=None),)
PROXY = entry(kind="proxy", target=None, ports=LISTENS)
GATEWAY = entry(kind="gateway", target=None, ports=LISTENS)


def test_a_gateways_request_is_shown_with_its_host() -> None:
    of = asked(host="web.shop.localhost:8888")
    assert text(request(of, "gateway")).endswith("  web.shop.localhost:8888/orders")
    assert text(request(of, "proxy")).endswith("  /orders")
    whole = asked(host="web.shop", path="http://web.shop/orders")
    assert text(request(whole, "gateway")).endswith("  http://web.shop/orders")


@pytest.mark.parametrize(
    ("find", "found"),
    [
        ("", True),
        ("get ORDERS", True),
        ("get post", False),
        ("200", True),
        ("2xx web-0", True),
        ("5xx", False),
        ("shop.local", True),
    ],
)
def test_every_word_must_be_somewhere(find: str, found: bool) -> None:
    assert matches(asked(host="web.shop.localhost"), find) is found


@pytest.mark.parametrize(
    ("changes", "kind", "found"),
    [
        ({}, PROXY, "curl --path-as-is http://localhost:8888/orders"),
        (
            {"method": "POST", "path": "/a b"},
            PROXY,
            "curl -X POST --path-as-is 'http://localhost:8888/a b'",
        ),
        ({"method": "HEAD", "path": "/"}, PROXY, "curl -I --path-as-is http://localhost:8888/"),
        (
            {"host": "web.shop.localhost:8888"},
            GATEWAY,
            "curl -H 'Host: web.shop.localhost:8888' --path-as-is http://localhost:8888/orders",
        ),
        (
            {"path": "http://web.shop/x", "host": "web.shop"},
            GATEWAY,
            "curl -x http://localhost:8888 http://web.shop/x",
        ),
        (
            {"method": "CONNECT", "path": "db.shop:5432"},
            GATEWAY,
            "curl -p -x http://localhost:8888 http://db.shop:5432/",
        ),
        (
            {"method": "SOCKS", "path": "web.shop:443"},
            GATEWAY,
            "curl -x socks5h://localhost:8888 https://web.shop/",
        ),
    ],
)
def test_curl_asks_the_same_once_more(changes: dict[str, Any], kind: Any, found: str) -> None:
    assert curl(asked(**changes), kind) == found


def test_without_a_tcp_port_there_is_no_curl() -> None:
    unix = entry(kind="proxy", ports=(PortView(listen=("unix:/s",), remote=None, port=None),))
    assert curl(asked(), unix) is None
    said = [text(row.pieces) for row in details(asked(), unix, AT, 80)]
    assert not any(line.startswith(" curl") for line in said)


def test_everything_about_one() -> None:
    of = asked(bytes=Bytes(received=812, sent=90))
    assert [text(row.pieces) for row in details(of, PROXY, AT, 80)] == [
        " request     GET /orders",
        f" answer      200 after 3.1 ms, at {clock(AT)}",
        " moved       812 B in, 90 B out, served by web-0",
        " curl        curl --path-as-is http://localhost:8888/orders",
        "             its query, body and other headers are not kept",
    ]
    gone = [text(row.pieces) for row in details(asked(status=0), PROXY, AT, 80)]
    assert gone[1].startswith(" answer      none: the client left before it")
