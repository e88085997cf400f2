from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from kfwd.kube.route_objects import Gateway, HTTPRoute, ReferenceGrant, full_name
from kfwd.resolve import http_route, http_table
from kfwd.resolve.decision import Broken, Decision, Forward, HeaderChanges, NoRule, Services
from tests.resolve.rules import (
    SERVICES,
    backend,
    brief,
    gateway,
    grant,
    request,
)
from tests.resolve.rules import (
    http_route as route,
)
from tests.resolve.rules import (
    route_rule as rule,
)

BAR = "foo.bar.com"


def decided(
    host: str,
    target: str,
    *routes: HTTPRoute,
    gateways: Sequence[Gateway] | None = (gateway(),),
    grants: Sequence[ReferenceGrant] | None = (),
    services: Services = SERVICES,
    draw: float = 0.0,
    **more: Any,
) -> Decision:
    known = None if gateways is None else {full_name(item): item for item in gateways}
    table = http_table.build(routes, known, grants)
    return http_route.decide(table, request(host, target, **more), services, lambda: draw)


def path(kind: str, value: str) -> dict[str, Any]:
    return {"path": {"type": kind, "value": value}}


@pytest.mark.parametrize(
    ("kind", "value", "target", "fits"),
    [
        ("Exact", "/foo", "/foo", True),
        ("Exact", "/foo", "/foo/", False),
        ("Exact", "/foo", "/Foo", False),
        ("PathPrefix", "/foo", "/foo", True),
        ("PathPrefix", "/foo", "/foo/", True),
        ("PathPrefix", "/foo", "/foo/bar", True),
        ("PathPrefix", "/foo/", "/foo", True),
        ("PathPrefix", "/foo", "/foobar", False),
        ("PathPrefix", "/foo", "/FOO", False),
        ("PathPrefix", "/", "/any", True),
        ("PathPrefix", "/foo", "/x/%2e%2e/foo", True),
        ("RegularExpression", "/v[12]/.*", "/v1/x", True),
        ("RegularExpression", "/v[12]", "/v1/x", False),
        ("RegularExpression", "/V1", "/v1", False),
        ("Glob", "/v*", "/v1", False),
    ],
)
def test_a_path_is_matched_by_its_type(kind: str, value: str, target: str, fits: bool) -> None:
    found = decided(BAR, target, route("r", rule("a", matches=[path(kind, value)]), hosts=[BAR]))
    assert isinstance(found, Forward) is fits


@pytest.mark.parametrize(
    ("match", "method", "headers", "query", "fits"),
    [
        ({"method": "POST"}, "POST", {}, "", True),
        ({"method": "POST"}, "GET", {}, "", False),
        ({"headers": [{"name": "X-A", "value": "1"}]}, "GET", {"x-a": "1"}, "", True),
        ({"headers": [{"name": "X-A", "value": "1"}]}, "GET", {"x-a": "12"}, "", False),
        ({"headers": [{"name": "X-A", "value": "1"}]}, "GET", {}, "", False),
        (
            {"headers": [{"name": "x-a", "value": "1"}, {"name": "X-B", "value": "2"}]},
            "GET",
            {"x-a": "1"},
            "",
            False,
        ),
        (
            {"headers": [{"name": "x-a", "value": "1"}, {"name": "X-A", "value": "2"}]},
            "GET",
            {"x-a": "1"},
            "",
            True,
        ),
        (
            {"headers": [{"type": "RegularExpression", "name": "v", "value": "[0-9]+"}]},
            "GET",
            {"v": "12"},
            "",
            True,
        ),
        (
            {"headers": [{"type": "RegularExpression", "name": "v", "value": "[0-9]+"}]},
            "GET",
            {"v": "12x"},
            "",
            False,
        ),
        ({"queryParams": [{"name": "q", "value": "a b"}]}, "GET", {}, "q=a+b&x=1", True),
        ({"queryParams": [{"name": "q", "value": "a"}]}, "GET", {}, "q=a&q=b", True),
        ({"queryParams": [{"name": "q", "value": "b"}]}, "GET", {}, "q=a&q=b", False),
        ({"queryParams": [{"name": "Q", "value": "a"}]}, "GET", {}, "q=a", False),
        ({"queryParams": [{"name": "q", "value": ""}]}, "GET", {}, "q=", True),
        ({"queryParams": [{"name": "q", "value": "a"}]}, "GET", {}, "&".join(["x=1"] * 200), False),
        (
            {"queryParams": [{"type": "RegularExpression", "name": "q", "value": "a+"}]},
            "GET",
            {},
            "q=aaa",
            True,
        ),
        (
            {"method": "PUT", "queryParams": [{"name": "q", "value": "1"}]},
            "PUT",
            {},
            "",
            False,
        ),
    ],
)
def test_all_demands_of_a_match_must_be_met(
    match: dict[str, Any], method: str, headers: dict[str, str], query: str, fits: bool
) -> None:
    found = decided(
        BAR,
        f"/?{query}",
        route("r", rule("a", matches=[match]), hosts=[BAR]),
        method=method,
        headers=headers,
    )
    assert isinstance(found, Forward) is fits


@pytest.mark.parametrize(
    ("target", "method", "expected"),
    [("/one", "GET", "a:80 /one"), ("/x", "POST", "a:80 /x"), ("/x", "GET", "none")],
)
def test_any_match_of_a_rule_is_enough(target: str, method: str, expected: str) -> None:
    either = rule("a", matches=[path("Exact", "/one"), {"method": "POST"}])
    assert brief(decided(BAR, target, route("r", either, hosts=[BAR]), method=method)) == expected


def test_a_rule_without_matches_fits_everything() -> None:
    found = decided(BAR, "/x", route("r", rule("a"), hosts=[BAR]), method="DELETE")
    assert brief(found) == "a:80 /x"


HEADER = {"headers": [{"name": "h", "value": "1"}]}
TWO = {"headers": [{"name": "h", "value": "1"}, {"name": "i", "value": "1"}]}
QUERY = {"queryParams": [{"name": "q", "value": "1"}]}
LESS_THEN_MORE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (path("PathPrefix", "/foo"), path("Exact", "/foo/bar")),
    (path("PathPrefix", "/"), path("PathPrefix", "/foo")),
    (path("RegularExpression", "/foo/bar"), path("PathPrefix", "/foo")),
    (path("RegularExpression", "/foo.*"), path("RegularExpression", "/foo/.*")),
    (path("PathPrefix", "/foo") | {"method": "GET"} | TWO, path("PathPrefix", "/foo/bar")),
    (path("PathPrefix", "/foo") | TWO, path("PathPrefix", "/foo") | {"method": "GET"}),
    (HEADER | QUERY, TWO),
    (HEADER, HEADER | QUERY),
    ({}, QUERY),
]


@pytest.mark.parametrize(("less", "more"), LESS_THEN_MORE)
def test_the_more_specific_match_precedes_wherever_it_stands(
    less: dict[str, Any], more: dict[str, Any]
) -> None:
    one, other = rule("a", matches=[less]), rule("b", matches=[more])
    same = [route("r", one, other, hosts=[BAR])]
    apart = [route("old", one, hosts=[BAR], made=1), route("new", other, hosts=[BAR], made=2)]
    for routes in (same, apart, apart[::-1]):
        found = decided(BAR, "/foo/bar?q=1", *routes, headers={"h": "1", "i": "1"})
        assert brief(found).startswith("b:80")


def test_of_equal_matches_the_oldest_route_then_its_name_then_the_first_rule_decides() -> None:
    first = route("z", rule("a"), rule("b"), hosts=[BAR], made=1)
    second = route("a", rule("c"), hosts=[BAR], made=2)
    twin = route("y", rule("d"), hosts=[BAR], made=1)
    assert brief(decided(BAR, "/", second, first)) == "a:80 /"
    assert brief(decided(BAR, "/", first, twin, second)) == "d:80 /"


HOSTS = (
    route("any", rule("d")),
    route("wide", rule("c"), hosts=["*.com"]),
    route("wild", rule("b"), hosts=["*.bar.com"]),
    route("exact", rule("a", path="/only"), hosts=[BAR]),
)


@pytest.mark.parametrize(
    ("host", "target", "service"),
    [
        (BAR, "/only", "a"),
        (BAR, "/else", "b"),
        ("x.bar.com", "/", "b"),
        ("x.y.bar.com", "/", "b"),
        ("bar.com", "/", "c"),
        ("bar.org", "/", "d"),
    ],
)
def test_closer_host_names_come_first_and_wider_ones_take_the_rest(
    host: str, target: str, service: str
) -> None:
    for routes in (HOSTS, HOSTS[::-1]):
        assert brief(decided(host, target, *routes)) == f"{service}:80 {target}"


@pytest.mark.parametrize(
    ("weights", "draw", "service"),
    [
        ((1, 1), 0.0, "a"),
        ((1, 1), 0.49, "a"),
        ((1, 1), 0.5, "b"),
        ((9, 1), 0.89, "a"),
        ((9, 1), 0.91, "b"),
        ((0, 1), 0.0, "b"),
        ((None, 3), 0.24, "a"),
        ((None, 3), 0.26, "b"),
        ((1, 1), 1.0, "b"),
    ],
)
def test_backends_are_chosen_by_weight(
    weights: tuple[int | None, int | None], draw: float, service: str
) -> None:
    refs = [backend(name, weight=w) for name, w in zip("ab", weights, strict=True)]
    found = decided(BAR, "/", route("r", rule(*refs), hosts=[BAR]), draw=draw)
    assert brief(found) == f"{service}:80 /"


@pytest.mark.parametrize(
    ("refs", "code", "reason"),
    [
        ([], "no-backend", "it has no backend"),
        ([backend("a", weight=0)], "no-backend", "all its backends have the weight 0"),
        ([backend("gone")], "not-found", "there is no svc/gone in namespace shop"),
        ([backend("out")], "external-name", "alias of db.example.com"),
        ([backend("a", 81)], "no-such-port", "svc/a has no port 81"),
        ([backend("a", None)], "no-such-port", "it names no port of svc/a"),
        ([backend("a", kind="ServiceImport", group="x")], "not-supported", "ServiceImport a"),
        ([backend("a", namespace="infra")], "not-allowed", "no ReferenceGrant in namespace infra"),
    ],
)
def test_a_rule_that_leads_nowhere_says_why(
    refs: list[dict[str, Any]], code: str, reason: str
) -> None:
    found = decided(BAR, "/", route("r", rule(*refs), hosts=[BAR]))
    assert isinstance(found, Broken)
    assert (found.code, found.rule) == (code, "httproute shop/r")
    assert found.status == (403 if code == "external-name" else 503)
    assert reason in found.reason


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        ([grant()], True),
        ([grant(name="a")], True),
        ([grant(name="b")], False),
        ([grant(to_namespace="shop")], False),
        ([grant(from_namespace="other")], False),
        ([grant(kind="TLSRoute")], False),
        ([grant(to_kind="Secret")], False),
        ([grant(name="b"), grant()], True),
        (None, True),
    ],
)
def test_another_namespace_needs_a_reference_grant(
    given: list[ReferenceGrant] | None, allowed: bool
) -> None:
    written = route("r", rule(backend("a", namespace="infra")), hosts=[BAR])
    found = decided(BAR, "/", written, grants=given)
    if not allowed:
        assert brief(found) == "broken not-allowed"
        return
    assert isinstance(found, Forward)
    assert (found.namespace, found.service) == ("infra", "a")
    assert bool(found.notes) is (given is None)


def redirect(**what: Any) -> list[dict[str, Any]]:
    return [{"type": "RequestRedirect", "requestRedirect": what}]


def test_a_redirect_only_to_https_yields_to_a_route_that_serves() -> None:
    listeners = gateway(
        "public", {"name": "http"}, {"name": "https", "port": 443, "protocol": "HTTPS"}
    )
    to_https = route(
        "redirect",
        rule(filters=redirect(scheme="https", statusCode=301)),
        hosts=[BAR],
        parents=[{"name": "public", "namespace": "infra", "sectionName": "http"}],
    )
    serving = route("web", rule("a"), hosts=["*.bar.com"], made=5)
    for routes in ((to_https, serving), (serving, to_https)):
        assert brief(decided(BAR, "/x", *routes, gateways=[listeners])) == "a:80 /x"
    alone = decided(BAR, "/x?q=1", to_https, gateways=[listeners])
    assert brief(alone) == f"301 https://{BAR}/x?q=1"
    assert not isinstance(alone, NoRule)
    assert alone.notes == ("it leads to https, which kfwd does not serve",)


def test_a_redirect_elsewhere_is_made() -> None:
    there = route("r", rule(filters=redirect(hostname="www.bar.com"), path="/x"), hosts=[BAR])
    assert brief(decided(BAR, "/x/y", there)) == "302 http://www.bar.com:8888/x/y"


REWRITE = {
    "hostname": "in.bar.com",
    "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"},
}


def test_a_forward_carries_the_filters_of_its_rule_and_of_its_backend() -> None:
    rule_filters = [
        {"type": "URLRewrite", "urlRewrite": REWRITE},
        {
            "type": "RequestHeaderModifier",
            "requestHeaderModifier": {"set": [{"name": "a", "value": "1"}]},
        },
        {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["b"]}},
        {"type": "RequestMirror", "requestMirror": {}},
    ]
    own_filters = [
        {
            "type": "RequestHeaderModifier",
            "requestHeaderModifier": {"add": [{"name": "c", "value": "1"}]},
        },
        {"type": "ExtensionRef"},
    ]
    ref = backend("a", filters=own_filters)
    found = decided(
        BAR, "/foo/x?q=1", route("r", rule(ref, filters=rule_filters, path="/foo"), hosts=[BAR])
    )
    assert found == Forward(
        namespace="shop",
        service="a",
        port="80",
        path="/x",
        query="q=1",
        host="in.bar.com",
        request_headers=HeaderChanges(set=(("a", "1"),), add=(("c", "1"),)),
        response_headers=HeaderChanges(remove=("b",)),
        rule="httproute shop/r",
        notes=(
            "the filter RequestMirror is not followed",
            "the filter ExtensionRef is not followed",
        ),
    )


def test_a_prefix_cannot_be_replaced_where_none_was_matched() -> None:
    filters = [{"type": "URLRewrite", "urlRewrite": REWRITE}]
    written = route("r", rule("a", filters=filters, matches=[path("Exact", "/x")]), hosts=[BAR])
    found = decided(BAR, "/x", written)
    assert isinstance(found, Broken)
    assert found.code == "not-supported"
    assert "is not a PathPrefix" in found.reason


def test_a_bad_pattern_is_told_where_nothing_else_fits() -> None:
    bad = rule("a", matches=[path("RegularExpression", "/(a+)+")])
    written = route("r", bad, rule("b", path="/ok"), hosts=[BAR])
    broken = decided(BAR, "/aaa", written)
    assert isinstance(broken, Broken)
    assert broken.code == "bad-pattern"
    assert broken.reason.startswith("a match of httproute shop/r: /(a+)+ repeats a group")
    fine = decided(BAR, "/ok", written)
    assert isinstance(fine, Forward)
    assert len(fine.notes) == 1


def test_a_text_too_long_for_a_pattern_is_refused() -> None:
    costly = rule("a", matches=[path("RegularExpression", "/(.*)a(.*)a(.*)b")])
    found = decided(BAR, "/" + "a" * 4000, route("r", costly, hosts=[BAR]))
    assert isinstance(found, Broken)
    assert (found.code, found.status) == ("path-too-long", 414)


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        (BAR, "httproute shop/r is for foo.bar.com, but there is no Gateway infra/public"),
        ("x.org", "no HTTPRoute is for the host x.org"),
    ],
)
def test_a_route_that_no_listener_takes_decides_nothing(host: str, reason: str) -> None:
    found = decided(host, "/", route("r", rule("a"), hosts=[BAR]), gateways=[])
    assert found == NoRule(reason)


def test_gateways_that_cannot_be_read_are_taken_to_accept_a_route() -> None:
    assert brief(decided(BAR, "/", route("r", rule("a"), hosts=[BAR]), gateways=None)) == "a:80 /"
