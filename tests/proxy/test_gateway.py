"""What a gateway decides about requests: where they go, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from kfwd.errors import HttpError, NotReady
from kfwd.proxy.decision import Answer, Forward, Here
from kfwd.proxy.gateway import Gateway, RawTo, Through
from kfwd.proxy.gateway_pages import Wording
from kfwd.proxy.upstream import Client
from kfwd.resolve.names import ToPod, ToService
from kfwd.wire import http1
from kfwd.wire.http1 import ResponseHead
from tests.proxy.landscapes import CLIENT, WEB, Reach, head

PLAIN = Wording(html=False)


async def decided(
    target: str, host: str, *lines: tuple[str, str], method: str = "GET", client: Client = CLIENT
) -> tuple[Any, Reach]:
    reach = Reach()
    decision = await Gateway(reach).decide(head(target, host, *lines, method=method), client)
    return decision, reach


async def outcome(target: str, host: str, *lines: tuple[str, str], method: str = "GET") -> str:
    """`svc shop/web:80 /sent`, or a status, with the Location of a redirect."""
    try:
        decision, reach = await decided(target, host, *lines, method=method)
    except HttpError as error:
        return str(error.status)
    if isinstance(decision, Answer):
        location = dict(decision.lines).get("Location")
        return f"{decision.status} {location}" if location else str(decision.status)
    if isinstance(decision, Here):
        return "here"
    place = reach.asked[-1][0]
    kind = "pod" if isinstance(place, ToPod) else "svc"
    where = f"{kind} {place.namespace}/{place.name}:{place.port}"
    return f"{where} {decision.target}" if isinstance(decision, Forward) else f"raw {where}"


@pytest.mark.parametrize(
    ("target", "host", "result"),
    [
        # the host form
        ("/a?b=c", "web.shop.localhost:8888", "svc shop/web:80 /a?b=c"),
        ("/a", "web.shop.localhost", "svc shop/web:80 /a"),
        ("/a", "web.shop.localhost:9090", "svc shop/web:9090 /a"),
        ("/a", "web.shop.localhost:7777", "svc shop/web:80 /a"),
        ("/a", "metrics.web.shop.localhost:8888", "svc shop/web:metrics /a"),
        ("//a/../b%2f", "web.shop.localhost:8888", "svc shop/web:80 //a/../b%2f"),
        ("/a", "web-1.shop.localhost:8888", "pod shop/web-1:8080 /a"),
        ("/a", "nope.shop.localhost:8888", "403"),
        ("/a", "out.shop.localhost:8888", "403"),
        ("/a", "web.shop:8888", "403"),
        ("/a", "example.com", "403"),
        ("/a", "169.254.169.254", "403"),
        # rules
        ("/foo/x", "foo.bar.com", "svc shop/web:80 /"),
        ("/foo/x", "foo.bar.com.localhost:8888", "svc shop/web:80 /"),
        ("/bar", "foo.bar.com", "404"),
        ("/%2e%2e/x", "plain.example", "400"),
        ("/x/../y", "plain.example", "400"),
        ("/", "broken.example", "503"),
        ("/", "x.wild.example", "svc shop/admin:8080 /"),
        ("/q?r", "route.example", "svc shop/web:80 /q?r"),
        ("/old", "route.example", "302 http://new.example/old"),
        ("/any", "ingress.localhost:8888", "svc shop/web:80 /any"),
        ("/any", "elsewhere.example", "403"),
        # itself
        ("/", "localhost:8888", "200"),
        ("/", "127.0.0.1:8888", "200"),
        ("/", "[::1]:8888", "200"),
        ("/proxy.pac", "localhost:8888", "200"),
        ("/shop/web/a%20b?c=d", "localhost:8888", "308 http://web.shop.localhost:8888/a%20b?c=d"),
        ("/shop/web", "127.0.0.1:8888", "308 http://web.shop.localhost:8888/"),
        ("/shop/web:9090/", "localhost:8888", "308 http://9090.web.shop.localhost:8888/"),
        ("/shop/web//evil.example", "localhost", "308 http://web.shop.localhost//evil.example"),
        ("/shop/nope/", "localhost:8888", "404"),
        ("/favicon.ico", "localhost:8888", "404"),
        # as a proxy
        ("http://web.shop.svc.cluster.local/a", "x", "svc shop/web:80 /a"),
        ("http://web.shop/a", "x", "svc shop/web:80 /a"),
        ("http://web.shop:9090/a", "x", "svc shop/web:9090 /a"),
        ("http://web.shop:7777/a", "x", "404"),
        ("http://web.shop.localhost:8888/a", "x", "svc shop/web:80 /a"),
        ("http://10.96.0.9:8080/a", "x", "svc shop/admin:8080 /a"),
        ("http://10.0.0.2:8080/a", "x", "pod shop/web-2:8080 /a"),
        ("http://foo.bar.com/foo", "x", "svc shop/web:80 /"),
        ("http://localhost:8888/", "x", "200"),
        ("http://localhost/", "x", "403"),
        ("http://localhost:22/", "x", "403"),
        ("http://127.0.0.1:9000/", "x", "403"),
        ("http://[::1]:9000/", "x", "403"),
        ("http://out.shop/", "x", "403"),
        ("http://example.com/", "web.shop.localhost:8888", "403"),
        ("https://foo.bar.com/", "x", "501"),
    ],
)
async def test_a_request_goes_where_its_host_and_the_rules_say(
    target: str, host: str, result: str
) -> None:
    assert await outcome(target, host) == result


@pytest.mark.parametrize(
    ("authority", "result"),
    [
        ("web.shop.svc.cluster.local:80", "raw svc shop/web:80"),
        ("web.shop:9090", "raw svc shop/web:9090"),
        ("10.0.0.2:5432", "raw pod shop/web-2:5432"),
        ("foo.bar.com:80", "here"),
        ("foo.bar.com:443", "501"),
        ("foo.bar.com:22", "404"),
        ("localhost:8888", "403"),
        ("127.0.0.1:22", "403"),
        ("[::1]:22", "403"),
        ("[::ffff:127.0.0.1]:22", "403"),
        ("0.0.0.0:22", "403"),
        ("169.254.169.254:80", "403"),
        ("10.96.0.1:443", "403"),
        ("out.shop.svc:5432", "403"),
        ("example.com:443", "403"),
        ("web.shop:7", "404"),
    ],
)
async def test_a_connection_is_made_to_the_cluster_alone(authority: str, result: str) -> None:
    assert await outcome(authority, authority, method="CONNECT") == result


CROSS = ("Sec-Fetch-Site", "cross-site")
NAVIGATES = ("Sec-Fetch-Mode", "navigate")
UPGRADES = (("Connection", "Upgrade"), ("Upgrade", "websocket"))
OWN = "web.shop.localhost:8888"


@pytest.mark.parametrize(
    ("method", "lines", "served"),
    [
        ("GET", [], True),
        ("POST", [], True),
        ("GET", [CROSS, NAVIGATES], True),
        ("GET", [CROSS, ("Sec-Fetch-Mode", "cors")], False),
        ("GET", [CROSS, ("Sec-Fetch-Mode", "no-cors")], False),
        ("POST", [CROSS, NAVIGATES], False),
        ("GET", [CROSS, NAVIGATES, *UPGRADES], False),
        ("POST", [("Origin", f"http://{OWN}")], True),
        ("POST", [("Origin", "http://admin.shop.localhost:8888")], True),
        ("POST", [("Origin", "http://foo.bar.com")], True),
        ("POST", [("Origin", "http://evil.example")], False),
        ("POST", [("Origin", "http://localhost:3000")], False),
        ("POST", [("Origin", "http://web.shop")], False),
        ("POST", [("Origin", "null")], False),
        ("GET", [("Origin", f"http://{OWN}"), *UPGRADES], True),
        ("GET", [*UPGRADES], True),
        ("GET", [("Origin", "http://admin.shop.localhost:8888"), *UPGRADES], False),
        ("GET", [("Origin", "http://web.shop.localhost:9999"), *UPGRADES], False),
        ("GET", [("Origin", "http://evil.example"), *UPGRADES], False),
        ("GET", [("Origin", "null"), *UPGRADES], False),
    ],
)
async def test_a_page_of_another_site_gets_no_further_than_a_link(
    method: str, lines: list[tuple[str, str]], served: bool
) -> None:
    result = await outcome("/", OWN, *lines, method=method)
    assert result == ("svc shop/web:80 /" if served else "403")


async def test_a_name_that_is_pointed_at_this_machine_gets_nothing() -> None:
    for host in ("evil.example:8888", "web.shop:8888", "localhost.evil.example:8888"):
        assert await outcome("/", host) == "403"
        assert await outcome("/proxy.pac", host) == "403"


async def test_the_app_sees_the_name_that_its_user_sees() -> None:
    forward, _ = await decided("/", OWN, ("X-Forwarded-For", "1.2.3.4"))
    index = http1.indexed(forward.lines)
    assert index["host"] == OWN
    assert index["x-forwarded-host"] == OWN
    assert index["x-forwarded-proto"] == "http"
    assert index["x-forwarded-for"] == "1.2.3.4, 127.0.0.1"


async def test_the_host_of_a_url_counts_and_not_the_header_beside_it() -> None:
    forward, _ = await decided("http://web.shop.svc/a", "admin.shop.localhost:8888")
    assert [value for name, value in forward.lines if name == "Host"] == ["web.shop.svc"]


async def test_a_rule_changes_headers_both_ways() -> None:
    forward, _ = await decided("/", "route.example")
    assert ("X-Asked", "1") in forward.lines
    answer = ResponseHead((), {}, 1, 200, "OK")
    lines, _ = forward.answered(answer, (("X-Told", "0"), ("A", "b")))
    assert dict(lines) == {"A": "b", "X-Told": "1"}


@pytest.mark.parametrize(
    ("method", "lines", "reuse"),
    [
        ("GET", [], True),
        ("HEAD", [], True),
        ("POST", [("Content-Length", "1")], False),
        ("DELETE", [], False),
        ("GET", [("Content-Length", "1")], False),
    ],
)
async def test_only_what_may_be_sent_twice_takes_a_connection_that_may_be_closed(
    method: str, lines: list[tuple[str, str]], reuse: bool
) -> None:
    _, reach = await decided("/", OWN, *lines, method=method)
    assert reach.asked == [(WEB, reuse)]


async def test_requests_through_a_connection_go_where_that_goes() -> None:
    through = Through(CLIENT.address, CLIENT.listen, ToService("shop", "admin", "8080"))
    decision, reach = await decided("/a", "any.name", client=through)
    assert isinstance(decision, Forward)
    assert reach.asked == [(through.place, True)]
    refused, _ = await decided("/a", "any.name", CROSS, client=through)
    assert refused.status == 403


async def test_a_listener_on_another_address_knows_itself_by_that() -> None:
    client = Client("192.168.1.9:50000", "192.168.1.5:8888")
    page, _ = await decided("/", "192.168.1.5:8888", client=client)
    assert page.status == 200
    other, _ = await decided("/", "192.168.1.6:8888", client=client)
    assert other.status == 403


async def test_a_cluster_that_is_not_known_yet_is_a_503_that_says_why() -> None:
    reach = Reach()
    reach.error = NotReady("the API server does not answer")
    for request in (head("/", OWN), head("web.shop:80", "x", method="CONNECT")):
        answer = await Gateway(reach).decide(request, CLIENT)
        assert isinstance(answer, Answer)
        assert answer.status == 503
        assert answer.body == b"kfwd: the API server does not answer\n"


@pytest.mark.parametrize("authority", ["web.shop:x", "web.shop:70000", "web.shop:-1"])
async def test_a_port_that_is_none_is_refused(authority: str) -> None:
    assert await outcome("/", authority) == "400"


async def test_socks_is_asked_the_same_as_connect() -> None:
    reach = Reach()
    gateway = Gateway(reach)
    assert isinstance(await gateway.connect("web.shop.svc", 80, PLAIN), RawTo)
    assert isinstance(await gateway.connect("foo.bar.com", 80, PLAIN), Here)
    refused = await gateway.connect("127.0.0.1", 22, PLAIN)
    assert isinstance(refused, Answer)
    assert refused.status == 403


async def test_options_for_the_server_as_a_whole_is_answered_and_nothing_else_of_it() -> None:
    assert await outcome("*", "localhost", method="OPTIONS") == "200"
    assert await outcome("*", "localhost") == "400"
