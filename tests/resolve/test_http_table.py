from __future__ import annotations

import pytest

from kfwd.resolve import http_table
from kfwd.resolve.http_table import Demand, Table
from tests.resolve.rules import http_route, route_rule


def table(*hosts: str) -> Table:
    routes = [http_route(f"r{n}", route_rule("a"), hosts=[h]) for n, h in enumerate(hosts)]
    return http_table.build(routes, None, None)


@pytest.mark.parametrize(
    ("host", "patterns"),
    [
        ("a.b.com", ["a.b.com", "*.b.com", "*.com"]),
        ("x.b.com", ["*.b.com", "*.com"]),
        ("b.com", ["*.com"]),
        ("com", []),
        ("x.org", []),
    ],
)
def test_a_host_has_its_patterns_the_closest_first(host: str, patterns: list[str]) -> None:
    known = table("*.com", "a.b.com", "*.b.com")
    assert list(known.patterns(host)) == patterns


def test_rules_for_any_host_come_last() -> None:
    known = http_table.build([http_route("r", route_rule("a"))], None, None)
    assert list(known.patterns("a.com")) == [""]


def test_a_route_that_nothing_takes_is_kept_aside_with_its_reasons() -> None:
    known = http_table.build([http_route("r", route_rule("a"), hosts=["*.a.com"])], {}, ())
    assert known.sites == {}
    [entry] = known.unattached
    assert entry.reasons == ("there is no Gateway infra/public",)
    assert entry.names("x.a.com")
    assert not entry.names("b.com")


def test_a_demand_is_met_by_the_whole_value() -> None:
    assert Demand("a", "1").met("1")
    assert not Demand("a", "1").met("11")
    assert not Demand("a", "").met(None)


def test_a_match_that_cannot_be_tried_says_why_and_comes_last() -> None:
    bad = {"headers": [{"type": "RegularExpression", "name": "h", "value": "("}]}
    known = http_table.build([http_route("r", route_rule("a", matches=[bad, {}]))], None, None)
    fine, broken = known.sites[""]
    assert fine.fault is None
    assert broken.match is None
    assert broken.fault == ("a match of httproute shop/r: ( has a parenthesis that is not closed")
