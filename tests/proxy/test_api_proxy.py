"""What is decided about requests to a whole API, without sending one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kfwd.errors import HttpError, Unreachable
from kfwd.model import ProxyFlags
from kfwd.proxy.api_proxy import ApiProxy, Options, cleaned
from kfwd.proxy.decision import Answer, Decision, Forward
from kfwd.proxy.filters import Filter
from kfwd.proxy.upstream import Client
from kfwd.wire.http1 import RequestHead, indexed

CLIENT = Client("127.0.0.1:5", "127.0.0.1:80")
UPSTREAMS: Any = object()


def proxy(filtered: bool = True, **options: Any) -> ApiProxy:
    flags = options.pop("flags", ProxyFlags())
    return ApiProxy(UPSTREAMS, Options(filter=Filter(flags) if filtered else None, **options))


async def decide(
    target: str,
    *lines: tuple[str, str],
    method: str = "GET",
    host: str = "localhost:8001",
    by: ApiProxy | None = None,
) -> Decision:
    head = (("Host", host), *lines)
    request = RequestHead(head, indexed(head), 1, method, target)
    return await (by or proxy()).decide(request, CLIENT)


async def sent(target: str, **more: Any) -> str:
    """The target that the API server gets."""
    decision = await decide(target, **more)
    assert isinstance(decision, Forward), decision
    return decision.target


async def status(target: str, **more: Any) -> int:
    decision = await decide(target, **more)
    return decision.status if isinstance(decision, Answer) else 0


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/", "/"),
        ("/version", "/version"),
        ("/api/v1/pods?watch=1&x=%2F", "/api/v1/pods?watch=1&x=%2F"),
        ("/api/v1/a%2Fb", "/api/v1/a%2Fb"),
        ("/api/v1/a%20b", "/api/v1/a%20b"),
        ('/api/"<>', "/api/%22%3C%3E"),
        ("/api/\xc3\xa9", "/api/%C3%A9"),
        ("http://localhost/version?a", "/version?a"),
        ("/proxy/http://x", "307"),
    ],
)
async def test_what_the_api_server_gets(target: str, expected: str) -> None:
    if expected.isdecimal():
        assert await status(target) == int(expected)
    else:
        assert await sent(target) == expected


async def test_an_upgrade_is_passed_on_with_its_query() -> None:
    lines = (("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1"))
    decision = await decide("/api/v1/x/portforward?ports=80", *lines, method="POST")
    assert isinstance(decision, Forward)
    assert decision.upgrade
    assert decision.strict_upgrade
    assert decision.target == "/api/v1/x/portforward?ports=80"
    assert dict(decision.lines)["Upgrade"] == "SPDY/3.1"
    assert dict(decision.lines)["X-Forwarded-For"] == "127.0.0.1"


CLIMBING = [
    "/api/v1/namespaces/dev/%2e%2e/prod",
    "/api/v1/namespaces/dev/%2E%2E/prod",
    "/api/v1/namespaces/dev/.%2e/prod",
    "/api/v1/namespaces/dev/..%2fprod",
    "/api/v1/namespaces/dev%2f..%2fprod",
    "/api/v1/namespaces/dev/..%5cprod",
    "/api/v1/namespaces/dev/%252e%252e/prod",
    "/api/v1/namespaces/dev/..;/prod",
    "/api/v1/namespaces/dev/x%2f../prod%2f..",
    "/api/v1/namespaces/dev\\..\\prod",
    "/api/v1/namespaces/dev/%00",
    "/api/v1/namespaces/dev/%0a",
    "/api/v1/namespaces/dev/%",
    "/api/v1/namespaces/dev/%c0%ae%c0%ae/prod",
]


@pytest.mark.parametrize("target", CLIMBING)
async def test_no_request_climbs_out_of_an_accepted_path(target: str) -> None:
    by = proxy(flags=ProxyFlags(accept_paths="^/api/v1/namespaces/dev"))
    with pytest.raises(HttpError) as raised:
        await decide(target, by=by)
    assert raised.value.status == 400


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/namespaces/a/pods/b/exec",
        "/api/v1/namespaces/a/pods/b/%65xec",
        "/api/v1/namespaces/a/pods/b%2Fexec",
        "/api/v1/namespaces/a/pods%2fb%2fexec",
        "/%61pi/v1/namespaces/a/pods/b/exec",
        "/api/v1/namespaces/a/pods/b/exec/",
        "/api/v1/namespaces/a/pods/b/attach?x",
        "http://localhost/api/v1/namespaces/a/pods/b/exec",
    ],
)
async def test_a_rejected_path_is_rejected_however_it_is_written(target: str) -> None:
    assert await status(target) == 403


async def test_a_path_that_is_too_long_is_refused() -> None:
    with pytest.raises(HttpError) as raised:
        await decide("/" + "a" * 9000)
    assert raised.value.status == 414


@pytest.mark.parametrize("host", ["evil.com", "", "localhost.evil.com", "127.0.0.1.evil.com"])
async def test_another_name_for_this_machine_is_refused(host: str) -> None:
    assert await status("/version", host=host) == 403
    assert await status("http://evil.com/version", host="localhost") == 403
    assert await sent("/version", host=host, by=proxy(filtered=False)) == "/version"


async def test_another_site_s_page_is_refused() -> None:
    assert isinstance(await decide("/version", ("Sec-Fetch-Site", "cross-site")), Answer)
    assert isinstance(await decide("/a", ("Origin", "http://evil.com"), method="POST"), Answer)
    own = (("Origin", "http://localhost:8001"), ("Sec-Fetch-Site", "same-origin"))
    assert isinstance(await decide("/a", *own, method="POST"), Forward)


async def test_a_page_at_another_local_port_is_another_site() -> None:
    """It may be an app of somebody's pod, behind a forward."""
    page = (("Origin", "http://localhost:3000"), ("Sec-Fetch-Site", "same-site"))
    assert isinstance(await decide("/a", *page, method="POST"), Answer)
    opens = (*page, ("Connection", "Upgrade"), ("Upgrade", "websocket"))
    assert isinstance(await decide("/api/v1/secrets?watch=1", *opens), Answer)
    assert isinstance(await decide("/version", *page), Forward), "what it gets it cannot read"


async def test_a_prefix_is_taken_off_unless_it_is_the_api_s() -> None:
    by = proxy(api_prefix="/k8s")
    assert await sent("/k8s/version?a", by=by) == "/version?a"
    assert await sent("/k8s/", by=by) == "/"
    assert await sent("/k8s/a%2Fb", by=by) == "/a%2Fb"
    assert await status("/version", by=by) == 404
    assert await status("/k8s", by=by) == 307
    assert await sent("/api/v1", by=proxy(api_prefix="/api/")) == "/api/v1"
    assert await status("/version", by=proxy(api_prefix="/api/")) == 404


async def test_filters_see_the_path_behind_the_prefix() -> None:
    flags = ProxyFlags(accept_paths="^/version$", reject_paths="^/k8s")
    by = proxy(api_prefix="/k8s/", flags=flags)
    assert await sent("/k8s/version", by=by) == "/version"
    assert await status("/k8s/api", by=by) == 403


async def test_files_are_served_for_our_hosts_whatever_the_filters(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("hello")
    by = proxy(www=tmp_path, flags=ProxyFlags(accept_paths="^/none"))
    assert await status("/static/a", by=by) == 200
    assert await status("/static", by=by) == 307
    assert await status("/static/a", by=by, host="evil.com") == 403
    other = proxy(www=tmp_path, www_prefix="/w")
    assert await status("/w/a", by=other) == 200
    assert await sent("/static/a", by=other) == "/static/a"


async def test_other_forms_of_targets() -> None:
    assert await status("*", method="OPTIONS") == 200
    assert await status("*", method="GET") == 400
    assert await status("localhost:80", method="CONNECT") == 404


async def test_a_failure_is_kubectl_s_500() -> None:
    decision = await decide("/version")
    assert isinstance(decision, Forward)
    answer = decision.failed(Unreachable("away"))
    assert (answer.status, answer.body) == (500, b"away\n")


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("/a/b", "/a/b"),
        ("//a", "/a"),
        ("/a//b/", "/a/b/"),
        ("/a/./b/..", "/a"),
        ("/..", "/"),
        ("//", "/"),
        ("/a/...", "/a/..."),
        ("/.well-known", "/.well-known"),
        ("//evil.com/..", "/"),
    ],
)
def test_paths_are_cleaned_as_go_does(path: str, clean: str) -> None:
    assert cleaned(path) == clean


async def test_a_redirect_stays_on_this_host() -> None:
    decision = await decide("//evil.com/%2e/..//a?b=<")
    assert isinstance(decision, Answer)
    assert dict(decision.lines)["Location"] == "/evil.com/a?b=<"
    assert decision.body == b'<a href="/evil.com/a?b=&lt;">Temporary Redirect</a>.\n\n'
