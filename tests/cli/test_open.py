"""The best URL of an entry or a target."""

from __future__ import annotations

import pytest

from kfwd.api_model import RouteList, RouteView
from kfwd.cli.open import best_url, forwardable, local_url, url_of
from kfwd.errors import KfwdError
from tests.cli.conftest import Run
from tests.standin import StandIn, entry, snapshot


def route(kind: str, address: str, layer: int = 4, state: str = "works") -> RouteView:
    return RouteView(
        kind=kind,  # type: ignore[arg-type]  # one of the table's
        address=address,
        layer=layer,  # type: ignore[arg-type]
        state=state,  # type: ignore[arg-type]
        latency_ms=1.0,
        note="",
    )


@pytest.mark.parametrize(
    ("way", "url"),
    [
        (route("node-port", "127.0.0.11:30080"), "http://127.0.0.11:30080/"),
        (route("load-balancer", "127.0.0.101:80"), "http://127.0.0.101/"),
        (route("load-balancer", "127.0.0.101:443"), "https://127.0.0.101/"),
        (route("ingress", "http://foo.bar.com/foo", 7), "http://foo.bar.com/foo"),
    ],
)
def test_a_route_has_a_url(way: RouteView, url: str) -> None:
    assert url_of(way) == url


def test_the_first_way_that_works_and_a_browser_can_use_is_best() -> None:
    ways = [
        route("port-forward", "svc/web:80"),
        route("node-port", "127.0.0.11:1", state="fails"),
        route("load-balancer", "127.0.0.101:80"),
    ]
    assert best_url(ways) == "http://127.0.0.101/"
    assert best_url(ways[:2]) is None


def test_without_any_way_the_reason_is_told() -> None:
    dead = route("port-forward", "svc/web:80", state="fails")
    with pytest.raises(KfwdError) as caught:
        forwardable(RouteList(target="svc/web", routes=(dead,)))
    assert (caught.value.code, caught.value.hint) == (
        "no-route",
        "kfwd routes svc/web shows every way",
    )
    works = RouteList(target="svc/web", routes=(route("port-forward", "svc/web:80"),))
    assert forwardable(works) == ("svc/web", "80")


def test_an_entry_is_opened_where_it_listens(run: Run, daemon: StandIn) -> None:
    known = entry("dev/web")
    daemon.on("GET /v1/snapshot", snapshot(known))
    assert run("open", "web", "--print").lines == [local_url(known)]


def test_a_name_that_is_neither_entry_nor_target_is_not_found(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry("dev/web")))
    found = run("open", "nothing", "--print")
    assert found.code == 4
    assert "svc/nothing" in found.err
