"""What is decided about requests to one app, without sending one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kfwd.errors import HttpError, NotReady, SessionLost
from kfwd.model import ProxyFlags
from kfwd.proxy.decision import Answer, Decision, Forward
from kfwd.proxy.filters import Filter
from kfwd.proxy.target_proxy import TargetProxy, Way
from kfwd.proxy.upstream import Client
from kfwd.wire.http1 import RequestHead, indexed
from tests.until import until

CLIENT = Client("127.0.0.1:5", "127.0.0.1:80")
UPSTREAMS: Any = object()
TUNNEL = Way(UPSTREAMS)
LONG = "/api/v1/namespaces/a/services/web:http/proxy"
API = Way(UPSTREAMS, LONG)


def proxy(way: Way | None = TUNNEL, hold_s: float = 0.0) -> TargetProxy:
    made = TargetProxy(hosts=Filter(ProxyFlags()), hold_s=hold_s, reason=lambda: "no pods")
    made.lead(way)
    return made


async def decide(
    target: str,
    *lines: tuple[str, str],
    method: str = "GET",
    host: str = "localhost:3000",
    by: TargetProxy | None = None,
) -> Decision:
    head = (("Host", host), *lines)
    request = RequestHead(head, indexed(head), 1, method, target)
    return await (by or proxy()).decide(request, CLIENT)


async def forward(target: str, *lines: tuple[str, str], **more: Any) -> Forward:
    decision = await decide(target, *lines, **more)
    assert isinstance(decision, Forward), decision
    return decision


async def test_through_a_tunnel_the_app_gets_what_was_sent() -> None:
    own = (("Authorization", "Basic x"), ("Origin", "http://localhost:3000"), ("Cookie", "a=b"))
    found = await forward("/a//b/../%2e?c", *own, method="POST")
    assert found.target == "/a//b/../%2e?c"
    assert found.lines == (("Host", "localhost:3000"), *own)


async def test_of_a_url_the_app_gets_path_and_host() -> None:
    found = await forward("http://127.0.0.1:3000/a?b", host="localhost")
    assert (found.target, found.lines) == ("/a?b", (("Host", "127.0.0.1:3000"),))
    assert (await forward("*", method="OPTIONS")).target == "*"


async def test_through_the_api_server_the_path_is_put_behind_its_own() -> None:
    by = proxy(API)
    found = await forward("/a%2Fb?c", ("Authorization", "x"), ("Accept-Encoding", "br"), by=by)
    assert found.target == f"{LONG}/a%2Fb?c"
    assert found.lines == (("Host", "localhost:3000"), ("Accept-Encoding", "identity"))


@pytest.mark.parametrize(
    "path", ["/..", "/a/../../b", "/%2e%2e/x", "/..%2fx", "/..;/x", "/\\..\\x"]
)
async def test_through_the_api_server_nothing_climbs(path: str) -> None:
    with pytest.raises(HttpError):
        await decide(path, by=proxy(API))


async def test_an_upgrade_may_be_answered_with_anything() -> None:
    lines = (("Connection", "Upgrade"), ("Upgrade", "websocket"))
    found = await forward("/ws?a=1", *lines)
    assert found.upgrade
    assert not found.strict_upgrade


async def test_other_hosts_and_pages_are_refused() -> None:
    for decision in (
        await decide("/", host="evil.com"),
        await decide("http://evil.com/"),
        await decide("/", ("Origin", "http://localhost:3001"), method="POST"),
        await decide("/", ("Sec-Fetch-Site", "cross-site")),
    ):
        assert isinstance(decision, Answer)
        assert decision.status == 403
    open_ = TargetProxy(hosts=None, hold_s=0.0, reason=lambda: "")
    open_.lead(TUNNEL)
    assert isinstance(await decide("/", host="evil.com", by=open_), Forward)


async def test_connect_is_not_served() -> None:
    decision = await decide("localhost:80", method="CONNECT")
    assert isinstance(decision, Answer)
    assert decision.status == 405


async def test_a_request_waits_until_there_is_a_way() -> None:
    by = proxy(None, hold_s=30.0)
    task = asyncio.ensure_future(decide("/", by=by))  # noqa: TID251  # a test's own
    await until(lambda: by.waiting == 1)
    by.lead(API)
    assert isinstance(await task, Forward)
    assert by.waiting == 0


async def test_after_the_hold_it_is_said_why() -> None:
    decision = await decide("/", by=proxy(None))
    assert isinstance(decision, Answer)
    assert (decision.status, decision.body) == (503, b"held for 0 s: no pods\n")


async def test_failures_have_the_status_of_a_gateway() -> None:
    found = await forward("/")
    assert found.failed(NotReady("x")).status == 503
    assert found.failed(SessionLost("x")).status == 502


async def test_only_what_may_be_asked_twice_goes_on_a_kept_connection() -> None:
    kept: Any = object()
    by = proxy(Way(UPSTREAMS, kept=kept))
    assert (await forward("/", by=by)).upstreams is kept
    assert (await forward("/", method="POST", by=by)).upstreams is UPSTREAMS
    body = (("Content-Length", "1"),)
    assert (await forward("/", *body, by=by)).upstreams is UPSTREAMS
