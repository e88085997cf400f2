"""What a gateway lists: services with their links and state, and the hosts of rules."""

from __future__ import annotations

from kfwd.proxy.gateway_overview import Link, Row, overview
from tests.proxy.landscapes import landscape


def rows(title: str, port: str = "8888") -> dict[str, Row]:
    sections = dict(overview(landscape(), port).sections)
    return {row.name: row for row in sections[title]}


def test_a_service_is_linked_by_its_usual_port_and_the_others_beside_it() -> None:
    web = rows("Namespace shop")["web"]
    assert web.links == (
        Link("web", "http://web.shop.localhost:8888/"),
        Link(":metrics", "http://metrics.web.shop.localhost:8888/"),
    )
    assert (web.state, web.mood) == ("2 ready", "good")


def test_a_service_without_ready_pods_and_one_outside_are_told_apart() -> None:
    shop = rows("Namespace shop")
    assert (shop["admin"].state, shop["admin"].mood) == ("0 ready", "bad")
    assert shop["out"].state == "an alias of db.example.com: not in the cluster"
    assert shop["out"].links == ()


def test_a_rule_is_linked_by_a_name_that_needs_no_dns() -> None:
    hosts = rows("Hosts")
    foo = hosts["foo.bar.com/foo"]
    assert foo.links == (Link("foo.bar.com/foo", "http://foo.bar.com.localhost:8888/foo"),)
    assert foo.state == "ingress shop/a to web:80, 2 ready"
    assert "rewritten to /" in foo.notes
    assert hosts["any host/any"].links[0].url == "http://ingress.localhost:8888/any"
    assert hosts["route.example/"].state == "httproute shop/r to web:80, 2 ready"


def test_a_wildcard_has_no_link_and_a_missing_service_nothing_ready() -> None:
    hosts = rows("Hosts")
    assert hosts["*.wild.example/"].links == ()
    assert hosts["broken.example/"].state.endswith("to gone:80, 0 ready")
    assert hosts["broken.example/"].mood == "bad"


def test_port_80_is_not_written() -> None:
    assert rows("Namespace shop", "80")["web"].links[0].url == "http://web.shop.localhost/"
