from __future__ import annotations

from typing import Any

import pytest

from kfwd.resolve import rules
from kfwd.resolve.decision import NoRule
from kfwd.resolve.rules import RuleObjects, Rules
from tests.resolve.rules import SERVICES, brief, http_route, ingress, request, route_rule


def built(**hosts: Any) -> Rules:
    """Ingresses (`i_...`) to `a` and HTTPRoutes (`r_...`) to `b`, each for a host."""
    return rules.build(
        RuleObjects(
            ingresses=[
                ingress(n, (host, "Prefix", "/i", "a")) for n, host in hosts.items() if n[0] == "i"
            ],
            routes=[
                http_route(n, route_rule("b", path="/r"), hosts=[host] if host else None)
                for n, host in hosts.items()
                if n[0] == "r"
            ],
        )
    )


def decided(known: Rules, host: str, target: str) -> str:
    return brief(rules.decide(known, request(host, target), SERVICES, lambda: 0.0))


@pytest.mark.parametrize(
    ("host", "target", "expected"),
    [
        ("both.com", "/i", "a:80 /i"),
        ("both.com", "/r", "b:80 /r"),
        ("both.com", "/", "none"),
        ("only-i.com", "/i", "a:80 /i"),
        ("only-r.com", "/r", "b:80 /r"),
        ("x.org", "/i", "none"),
    ],
)
def test_both_kinds_of_rules_are_asked(host: str, target: str, expected: str) -> None:
    known = built(i_1="both.com", r_1="both.com", i_2="only-i.com", r_2="only-r.com")
    assert decided(known, host, target) == expected


@pytest.mark.parametrize(
    ("ingress_host", "route_host", "expected"),
    [
        ("a.com", "a.com", "b:80 /x"),
        ("*.com", "*.com", "b:80 /x"),
        ("a.com", "*.com", "a:80 /x"),
        ("a.com", "", "a:80 /x"),
        ("*.com", "", "a:80 /x"),
        ("", "a.com", "b:80 /x"),
        ("", "", "b:80 /x"),
    ],
)
def test_who_names_the_host_more_closely_is_asked_first(
    ingress_host: str, route_host: str, expected: str
) -> None:
    known = rules.build(
        RuleObjects(
            ingresses=[ingress("i", (ingress_host, "Prefix", "/", "a"))],
            routes=[http_route("r", route_rule("b"), hosts=[route_host] if route_host else None)],
        )
    )
    assert decided(known, "a.com", "/x") == expected


def test_where_nobody_has_a_rule_both_say_so() -> None:
    found = rules.decide(built(), request("a.com"), SERVICES, lambda: 0.0)
    assert found == NoRule(
        "no HTTPRoute is for the host a.com; no Ingress has a rule for the host a.com"
    )


def test_the_hosts_of_all_rules_are_known_but_rules_for_any_host_name_none() -> None:
    known = built(i_1="a.com", i_2="*.b.com", i_3="", r_1="c.com", r_2="*.d.com", r_3="")
    assert known.hosts() == ("*.b.com", "*.d.com", "a.com", "c.com")
    assert all(known.knows(host) for host in ("a.com", "x.b.com", "c.com", "x.y.d.com"))
    assert not any(known.knows(host) for host in ("b.com", "x.y.b.com", "e.com", "localhost", ""))
