"""Routes as lines, and what each is good for."""

from __future__ import annotations

from typing import Any

import pytest

from kfwd.api_model import RouteKind, RouteState, RouteView
from kfwd.model import EntryView, PortView, State
from kfwd.tui import route_rows
from kfwd.tui.pieces import text, width
from kfwd.tui.route_rows import About, Way
from tests.standin import entry

ABOUT = About(target="svc/web", namespace="shop", context="dev")


def route(kind: RouteKind, address: str, state: RouteState = "works", **more: Any) -> RouteView:
    layer = 7 if "/" in address and kind != "port-forward" else 4
    fields = {"layer": layer, "latency_ms": None, "note": "", **more}
    return RouteView(kind=kind, address=address, state=state, **fields)


FORWARD = route("port-forward", "svc/web:80", latency_ms=4.1, note="now web-1")
OTHER = route("port-forward", "svc/web:9000")
NODE = route("node-port", "10.0.0.1:30080")
INGRESS = route("ingress", "https://shop.example/")
API = route("api-proxy", "/api/v1/x/proxy/")


def forward(remote: str, **more: Any) -> EntryView:
    ports = (PortView(listen=("127.0.0.1:8080", "[::1]:8080"), remote=remote, port=80),)
    fields = {"context": "dev", "namespace": "shop", "target": "svc/web", "ports": ports}
    return entry("-/web", **(fields | more))


def way(found: RouteView, *entries: EntryView, about: About = ABOUT) -> Way:
    return route_rows.ways([found], about, entries)[0]


@pytest.mark.parametrize(
    ("made", "about"),
    [
        (forward("80"), ABOUT),
        (forward("http"), About(target="svc/web", namespace="shop", context="dev", port="http")),
        (
            forward("http"),
            About(target="svc/web", namespace="shop", context="dev", names={"80": "http"}),
        ),
    ],
)
def test_a_forward_that_is_there_is_the_address_of_its_route(made: EntryView, about: About) -> None:
    found = way(FORWARD, made, about=about)
    assert (found.address, found.url, found.up) == (
        "localhost:8080",
        "http://localhost:8080/",
        True,
    )


@pytest.mark.parametrize(
    "made",
    [
        forward("9000"),
        forward("80", context="prod"),
        forward("80", namespace="other"),
        forward("80", target="svc/api"),
        forward("80", state=State.PAUSED),
    ],
)
def test_other_forwards_are_not(made: EntryView) -> None:
    assert way(FORWARD, made).address == "svc/web:80"
    assert way(FORWARD, made).url is None


def test_an_api_proxy_makes_a_url_of_a_path() -> None:
    api = forward("", kind="proxy", target=None)
    assert way(API, api).url == "http://localhost:8080/api/v1/x/proxy/"
    assert way(API).url is None


def test_only_http_that_works_is_opened_without_a_question() -> None:
    assert way(INGRESS).opens
    assert not way(NODE).opens
    assert way(NODE).url == "http://10.0.0.1:30080/"
    assert not way(route("ingress", "https://shop.example/", "fails")).opens


def test_what_an_entry_leads_to() -> None:
    about = route_rows.of_entry(forward("http"))
    assert about is not None
    assert (about.asked, about.namespace, about.context) == ("svc/web:http", "shop", "dev")
    proxy = route_rows.of_entry(forward("", kind="proxy", target="svc/grafana:http"))
    assert proxy is not None
    assert (proxy.target, proxy.asked) == ("svc/grafana", "svc/grafana:http")
    assert route_rows.of_entry(forward("", target=None)) is None


def test_rows_keep_their_places_until_a_state_changes() -> None:
    slower = route("port-forward", "svc/web:80", latency_ms=99.0)
    assert route_rows.steady([FORWARD, NODE], [NODE, slower]) == [slower, NODE]
    broken = route("port-forward", "svc/web:80", "fails")
    assert route_rows.steady([FORWARD, NODE], [NODE, broken]) == [NODE, broken]
    assert route_rows.steady([], [NODE]) == [NODE]


@pytest.mark.parametrize("cells", [80, 120, 200])
def test_a_row_fits_and_says_how_it_is(cells: int) -> None:
    failed = route("cluster-ip", "10.96.0.1:80", "fails", note="no route " * 40)
    for found in (FORWARD, failed, INGRESS):
        assert width(route_rows.row(way(found), cells)) <= cells
    assert "4.1 ms" in text(route_rows.row(way(FORWARD), cells))
    assert " fails  no route" in text(route_rows.row(way(failed), cells))
    assert text(route_rows.row(way(FORWARD, forward("80")), cells)).endswith("up now")


def test_a_forward_is_made_of_the_port_of_the_line() -> None:
    ways = [way(each) for each in (NODE, FORWARD, OTHER)]
    assert route_rows.forward_port(ways[2], ways) == ("9000", None)
    assert route_rows.forward_port(ways[0], ways) == ("80", None)
    assert route_rows.forward_port(ways[0], ways[:2]) == ("80", "direct")
    assert route_rows.forward_port(None, ways[:1]) is None
