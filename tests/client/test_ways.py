"""The best URL, and the forward that can be made."""

from __future__ import annotations

from typing import Any

import pytest

from kfwd.api_model import RouteKind, RouteList, RouteState, RouteView
from kfwd.client.ways import best, forwardable, is_web, target_of, url_of
from kfwd.errors import KfwdError


def route(kind: RouteKind, address: str, state: RouteState = "works", **more: Any) -> RouteView:
    layer = 7 if "/" in address and kind != "port-forward" else 4
    fields = {"layer": layer, "latency_ms": None, "note": "", **more}
    return RouteView(kind=kind, address=address, state=state, **fields)


@pytest.mark.parametrize(
    ("routes", "url"),
    [
        ([route("ingress", "https://foo.bar.com/foo")], "https://foo.bar.com/foo"),
        ([route("load-balancer", "127.0.0.21:80")], "http://127.0.0.21/"),
        ([route("node-port", "[::1]:30080")], "http://[::1]:30080/"),
        ([route("load-balancer", "lb.example:443")], "https://lb.example/"),
        (
            [route("port-forward", "svc/web:80"), route("host-port", "127.0.0.11:18080")],
            "http://127.0.0.11:18080/",
        ),
        ([route("api-proxy", "/api/v1/x/proxy/"), route("ingress", "http://x/", "fails")], None),
    ],
)
def test_the_first_route_that_a_browser_can_use_is_the_best(
    routes: list[RouteView], url: str | None
) -> None:
    found = best(routes)
    assert (url_of(found) if found else None) == url


@pytest.mark.parametrize(
    ("address", "web"),
    [("a:80", True), ("[::1]:443", True), ("a:8080", False), ("http://a:8080/x", True)],
)
def test_only_some_ports_are_web_pages_without_a_question(address: str, web: bool) -> None:
    assert is_web(route("node-port", address)) is web


def test_a_forward_can_be_made_where_a_port_forward_works() -> None:
    forward = route("port-forward", "svc/web:9000")
    broken = route("port-forward", "svc/web:80", "fails", note="no pod is ready")
    found = RouteList(target="svc/web", routes=(broken, forward))
    assert forwardable(found) == target_of(forward) == ("svc/web", "9000")
    with pytest.raises(KfwdError, match="no pod is ready"):
        forwardable(RouteList(target="svc/web", routes=(broken,)))
    with pytest.raises(KfwdError, match="there is no route to it"):
        forwardable(RouteList(target="svc/web", routes=()))
