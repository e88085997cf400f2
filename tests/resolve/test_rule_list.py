from __future__ import annotations

from typing import Any

import msgspec

from kfwd.kube.objects import LoadBalanced
from kfwd.kube.route_objects import Ingress, full_name
from kfwd.resolve import rules
from kfwd.resolve.rule_list import LeadingRule, rules_to
from kfwd.resolve.rules import RuleObjects
from tests.resolve.rules import backend, gateway, grant, http_route, ingress, route_rule

BAR = "foo.bar.com"


def listed(service: str = "a", namespace: str = "shop", **objects: Any) -> list[LeadingRule]:
    gateways = objects.pop("gateways", [gateway(address="127.0.0.32")])
    known = {full_name(item): item for item in gateways}
    built = rules.build(RuleObjects(gateways=known, **objects))
    return rules_to(namespace, service, built)


def notes(found: list[LeadingRule]) -> list[tuple[str, ...]]:
    return [item.notes for item in found]


def test_an_ingress_rule_is_listed_with_all_that_a_client_needs() -> None:
    written = ingress(
        "x",
        (BAR, "Prefix", "/foo", "a:http"),
        (BAR, "Prefix", "/b", "b"),
        tls=[{"hosts": [BAR]}],
        ssl_redirect="false",
    )
    status = msgspec.convert({"loadBalancer": {"ingress": [{"ip": "127.0.0.31"}]}}, LoadBalanced)
    served: Ingress = msgspec.structs.replace(written, status=status)
    assert listed(ingresses=[served]) == [
        LeadingRule(
            kind="ingress",
            namespace="shop",
            service="a",
            host=BAR,
            path="/foo",
            path_type="Prefix",
            port="http",
            rule="ingress shop/x",
            class_name="nginx",
            tls=True,
            addresses=("127.0.0.31",),
        )
    ]


def test_the_most_specific_host_is_listed_first_and_other_services_are_not() -> None:
    found = listed(
        ingresses=[
            ingress("x", ("", "Prefix", "/", "a"), ("*.bar.com", "Prefix", "/", "a")),
            ingress("y", (BAR, "Prefix", "/", "a")),
            ingress("z", (BAR, "Prefix", "/z", "a"), namespace="infra"),
        ]
    )
    assert [item.host for item in found] == [BAR, "*.bar.com", ""]


def test_a_rule_of_patterns_is_listed_once_with_its_rewrite() -> None:
    mixed = [
        ingress("x", (BAR, "Prefix", "/foo", "a")),
        ingress("y", (BAR, "", "/bar/(.*)", "a"), rewrite_target="/$1"),
    ]
    found = listed(ingresses=mixed)
    assert [(item.path, item.notes) for item in found] == [
        ("/bar/(.*)", ("rewritten to /$1",)),
        ("/foo", ()),
    ]


def test_rules_that_never_decide_are_listed_with_the_reason() -> None:
    old = ingress("old", (BAR, "Prefix", "/", "b"), made=1)
    young = ingress("young", (BAR, "Prefix", "/", "a"), made=2)
    bad = ingress("bad", ("x.org", "", "/(a+)+", "a"), use_regex="true")
    found = listed(ingresses=[young, old, bad])
    assert notes(found) == [
        ("never used: ingress shop/old has the same path and is older",),
        (
            "the path /(a+)+ of ingress shop/bad repeats a group that has choices in it, "
            "which can take for ever",
        ),
    ]


def test_a_default_backend_is_listed_once() -> None:
    both = [ingress("x", (BAR, "Prefix", "/", "b")), ingress("rest", default="a")]
    found = listed(ingresses=both)
    assert [(item.host, item.path) for item in found] == [("", "/")]
    assert notes(found) == [("for what no other path fits",)]


def test_a_route_is_listed_for_each_host_and_match_with_its_gateway() -> None:
    demanding = {"path": {"type": "Exact", "value": "/x"}, "method": "GET"} | {
        "headers": [{"name": "X-Beta", "value": "1"}],
        "queryParams": [{"name": "q", "value": "1"}],
    }
    found = listed(
        routes=[http_route("r", route_rule("a", matches=[demanding, {}]), hosts=[BAR, "b.com"])],
        gateways=[gateway("public", {"protocol": "HTTPS"}, address="127.0.0.32")],
    )
    assert [(item.host, item.path, item.path_type) for item in found] == [
        (BAR, "/x", "Exact"),
        (BAR, "/", "PathPrefix"),
        ("b.com", "/x", "Exact"),
        ("b.com", "/", "PathPrefix"),
    ]
    first = found[0]
    assert (first.class_name, first.tls, first.addresses) == ("envoy", True, ("127.0.0.32",))
    assert first.notes == ("only with the method GET, the header X-Beta, the query parameter q",)
    assert found[1].notes == ()


def test_a_share_by_weight_is_noted() -> None:
    refs = [backend("a", weight=9), backend("b", weight=1)]
    found = listed(routes=[http_route("r", route_rule(*refs), hosts=[BAR])])
    assert notes(found) == [("takes 9 of 10 requests by weight",)]


def test_a_route_without_an_accepting_parent_is_listed_but_noted() -> None:
    found = listed(routes=[http_route("r", route_rule("a"), hosts=[BAR])], gateways=[])
    assert notes(found) == [("there is no Gateway infra/public",)]
    assert (found[0].host, found[0].addresses, found[0].class_name) == (BAR, (), None)


def test_a_route_of_another_namespace_is_listed_with_what_it_lacks() -> None:
    route = http_route("r", route_rule(backend("a", namespace="infra")), hosts=[BAR])
    elsewhere = listed(namespace="infra", routes=[route], grants=[])
    assert notes(elsewhere) == [
        ("no ReferenceGrant in namespace infra lets HTTPRoutes of shop use svc/a",)
    ]
    assert notes(listed(namespace="infra", routes=[route], grants=[grant()])) == [()]
    assert listed(namespace="shop", routes=[route]) == []


def test_what_is_no_service_leads_to_none() -> None:
    route = http_route("r", route_rule(backend("a", kind="ServiceImport", group="x")), hosts=[BAR])
    assert listed(routes=[route]) == []
