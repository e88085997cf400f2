"""A cluster at one moment, as a gateway looks at it."""

from __future__ import annotations

from kfwd.resolve import rules
from kfwd.resolve.landscape import Landscape
from kfwd.resolve.rules import RuleObjects
from tests.resolve.builders import member, piece, pod, service

RULES = rules.build(RuleObjects())


def test_ready_pods_are_counted_once_over_all_slices_of_a_service() -> None:
    slices = {
        "shop/a": piece(member("web-1"), member("web-2", ready=False), of="web", name="a"),
        "shop/b": piece(member("web-1"), member("web-3", ready=True), of="web", name="b"),
        "shop/c": piece(member("other"), of="other", name="c"),
    }
    known = Landscape(services={}, slices=slices, pods={}, rules=RULES)
    assert known.ready(service("web")) == 2
    assert known.ready(service("none")) == 0


def test_how_many_are_ready_is_not_known_where_slices_cannot_be_read() -> None:
    known = Landscape(services={}, slices=None, pods={}, rules=RULES)
    assert known.ready(service("web")) is None


def test_the_facts_of_a_namespace_are_its_own_by_name_and_what_is_hidden_stays_so() -> None:
    web = service("web")
    known = Landscape(
        services={"shop/web": web, "shop-2/web": web, "other/web": web},
        slices=None,
        pods={"shop/web-1": pod("web-1")},
        rules=RULES,
    )
    facts = known.facts("shop")
    assert facts.services is not None
    assert list(facts.services) == ["web"]
    assert facts.pods is not None
    assert list(facts.pods) == ["web-1"]
    assert facts.slices is None
    assert known.facts("shop") is facts
