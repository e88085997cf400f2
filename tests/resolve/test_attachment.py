from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from kfwd.kube.route_objects import Gateway, full_name
from kfwd.resolve.attachment import Attachment, attach
from tests.resolve.rules import gateway, http_route, route_rule

SAME: dict[str, Any] = {"allowedRoutes": {"namespaces": {"from": "Same"}}}


def attached(
    *gateways: Gateway,
    hosts: list[str] | None = None,
    parents: list[dict[str, Any]] | None = None,
    namespace: str = "shop",
    namespaces: Mapping[str, Mapping[str, str]] | None = None,
) -> Attachment:
    route = http_route("r", route_rule("a"), hosts=hosts, parents=parents, namespace=namespace)
    return attach(route, {full_name(item): item for item in gateways}, namespaces)


@pytest.mark.parametrize(
    ("listener", "hosts", "expected"),
    [
        (None, None, ("",)),
        (None, ["a.com"], ("a.com",)),
        ("a.com", None, ("a.com",)),
        ("*.a.com", None, ("*.a.com",)),
        ("*.a.com", ["x.a.com", "b.com", "*.y.a.com"], ("x.a.com", "*.y.a.com")),
        ("x.a.com", ["*.a.com"], ("x.a.com",)),
        ("a.com", ["b.com"], ()),
    ],
)
def test_a_route_is_served_for_the_hosts_it_shares_with_its_listener(
    listener: str | None, hosts: list[str] | None, expected: tuple[str, ...]
) -> None:
    found = attached(gateway("public", {"hostname": listener}), hosts=hosts)
    assert found.hosts == expected
    if not expected:
        assert found.refusals == ("listener http of Gateway infra/public is for a.com alone",)


@pytest.mark.parametrize(
    ("rules", "namespace", "taken"),
    [
        ({"namespaces": {"from": "All"}}, "shop", True),
        ({"namespaces": {"from": "Same"}}, "shop", False),
        ({"namespaces": {"from": "Same"}}, "infra", True),
        ({}, "shop", False),
        ({}, "infra", True),
        (None, "shop", False),
        ({"namespaces": {"from": "None"}}, "infra", False),
        (
            {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"web": "yes"}}}},
            "shop",
            True,
        ),
        (
            {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"web": "no"}}}},
            "shop",
            False,
        ),
        ({"namespaces": {"from": "Selector"}}, "shop", False),
    ],
)
def test_a_listener_says_whose_routes_it_takes(
    rules: dict[str, Any] | None, namespace: str, taken: bool
) -> None:
    found = attached(
        gateway("public", {"allowedRoutes": rules}),
        parents=[{"name": "public", "namespace": "infra"}],
        namespace=namespace,
        namespaces={"shop": {"web": "yes"}},
    )
    assert bool(found.hosts) is taken
    if not taken:
        what = f"listener http of Gateway infra/public takes no routes of namespace {namespace}"
        assert found.refusals == (what,)


def test_labels_that_cannot_be_read_are_taken_to_fit() -> None:
    selector = {"from": "Selector", "selector": {"matchLabels": {"web": "no"}}}
    found = attached(gateway("public", {"allowedRoutes": {"namespaces": selector}}))
    assert found.hosts == ("",)


@pytest.mark.parametrize(
    ("parent", "hosts", "reason"),
    [
        ({"name": "public", "namespace": "infra"}, ("a.com", "b.com"), None),
        ({"name": "public", "namespace": "infra", "sectionName": "two"}, ("b.com",), None),
        ({"name": "public", "namespace": "infra", "port": 8443}, ("b.com",), None),
        ({"name": "public"}, (), "there is no Gateway shop/public"),
        ({"name": "gone", "namespace": "infra"}, (), "there is no Gateway infra/gone"),
        (
            {"name": "public", "namespace": "infra", "sectionName": "three"},
            (),
            "Gateway infra/public has no listener three",
        ),
        (
            {"name": "public", "namespace": "infra", "port": 1},
            (),
            "Gateway infra/public has no listener on port 1",
        ),
        ({"name": "web", "kind": "Service"}, (), "its parent Service shop/web is no Gateway"),
        ({"name": "web", "group": "x.io"}, (), "its parent Gateway shop/web is no Gateway"),
    ],
)
def test_a_parent_is_a_listener_by_name_and_port(
    parent: dict[str, Any], hosts: tuple[str, ...], reason: str | None
) -> None:
    listeners: list[dict[str, Any]] = [
        {"name": "one", "hostname": "a.com"},
        {"name": "two", "hostname": "b.com", "port": 8443},
    ]
    found = attached(gateway("public", *listeners), parents=[parent])
    assert (found.hosts, found.refusals) == (hosts, (reason,) if reason else ())


@pytest.mark.parametrize(
    ("listener", "reason"),
    [
        ({"protocol": "TCP"}, "speaks TCP"),
        (
            {"allowedRoutes": {"namespaces": {"from": "All"}, "kinds": [{"kind": "GRPCRoute"}]}},
            "takes no HTTPRoutes",
        ),
        (
            {
                "allowedRoutes": {
                    "namespaces": {"from": "All"},
                    "kinds": [{"kind": "HTTPRoute", "group": "x.io"}],
                }
            },
            "takes no HTTPRoutes",
        ),
    ],
)
def test_a_listener_for_something_else_takes_no_http_routes(
    listener: dict[str, Any], reason: str
) -> None:
    found = attached(gateway("public", listener))
    assert found == Attachment(refusals=(f"listener http of Gateway infra/public {reason}",))


def test_one_listener_that_takes_the_route_is_enough() -> None:
    found = attached(
        gateway("public", SAME | {"name": "private"}, {"name": "tls", "protocol": "HTTPS"}),
        hosts=["a.com"],
    )
    assert (found.hosts, found.tls, found.refusals) == (("a.com",), frozenset({"a.com"}), ())
    assert [full_name(item) for item in found.gateways] == ["infra/public"]


def test_a_route_without_parents_or_readable_gateways_is_told_so() -> None:
    assert attached(parents=[]).refusals == ("it names no Gateway",)
    unread = attach(http_route("r", hosts=["a.com"]), None, None)
    assert unread.hosts == ("a.com",)
    assert unread.refusals == ("the Gateways cannot be read: they are taken to accept it",)
