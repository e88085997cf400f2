from __future__ import annotations

import pytest

from kfwd.proxy.origin import OTHER_SITE, refusal
from kfwd.wire.http1 import RequestHead, indexed


def judged(method: str, upgrade: bool = False, **headers: str) -> str | None:
    lines = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    request = RequestHead(lines, indexed(lines), 1, method, "/")
    return refusal(request, lambda other: other == "localhost:8001", upgrade=upgrade)


def test_what_no_page_asks_for_is_served() -> None:
    assert judged("GET") is None
    assert judged("POST") is None
    assert judged("GET", upgrade=True) is None


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_page_of_ours_may_ask(method: str) -> None:
    assert judged(method, Origin="http://localhost:8001", Sec_Fetch_Site="same-origin") is None


def test_another_site_may_only_link_to_here() -> None:
    assert judged("GET", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate") is None
    assert judged("GET", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors") == OTHER_SITE
    assert judged("POST", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate") == OTHER_SITE
    assert judged("GET", True, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate") == OTHER_SITE


@pytest.mark.parametrize("origin", ["http://evil.com", "null", "http://localhost:8002", "http://["])
def test_another_origin_may_change_nothing_and_open_no_websocket(origin: str) -> None:
    assert judged("POST", Origin=origin) == OTHER_SITE
    assert judged("GET", True, Origin=origin) == OTHER_SITE
    assert judged("GET", Origin=origin) is None, "what it gets it cannot read"
