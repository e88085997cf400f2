"""What a gateway sees of a cluster, and what it makes of rules that hide some of it."""

from __future__ import annotations

from typing import Any

from kfwd.entries.outlook import Outlook, outlook
from kfwd.errors import Forbidden, NotFound, Unreachable
from tests.entries.gateway_rig import KINDS, WideReflectors
from tests.resolve.builders import pod, service
from tests.resolve.rules import ingress


def looking(reflectors: Any, wake: Any = lambda: None) -> Any:
    return outlook(reflectors, "shop", wake)


def code(seen: Outlook) -> str | None:
    return seen.fault.problem.code if seen.fault else None


def test_it_has_looked_when_every_kind_was_read_or_cannot_be() -> None:
    reflectors = WideReflectors()
    with looking(reflectors) as seen:
        reflectors.empty("pods")
        assert not seen.looked
        reflectors.of("pods").set(pod("a"))
        assert seen.looked
        assert seen.fault is None
    assert reflectors.used == []


def test_the_landscape_is_made_again_only_when_something_changed() -> None:
    reflectors = WideReflectors()
    woken: list[int] = []
    with looking(reflectors, lambda: woken.append(1)) as seen:
        reflectors.empty()
        before = seen.landscape
        assert seen.landscape is before
        woken.clear()
        reflectors.of("services").set(service("web"))
        assert woken
        after = seen.landscape
        assert after is not before
        assert list(after.services or {}) == ["shop/web"]
        assert after.rules is before.rules
        reflectors.of("ingresses").set(ingress("a", ("foo.bar.com", "Prefix", "/", "web")))
        assert seen.landscape.rules.knows("foo.bar.com")


def test_where_all_namespaces_are_forbidden_one_is_left() -> None:
    reflectors = WideReflectors()
    with looking(reflectors) as seen:
        reflectors.empty("pods", "services")
        for kind in ("pods", "services"):
            reflectors.of(kind).fail(Forbidden("no"))
        seen.settle()
        assert ("pods", "shop") in reflectors.used
        assert not seen.looked
        reflectors.of("pods", "shop").set(pod("a"))
        reflectors.of("services", "shop").set(service("web"))
        assert seen.looked
        assert list(seen.landscape.services or {}) == ["shop/web"]
        assert code(seen) == "one-namespace"
        assert seen.fault is not None
        assert seen.fault.problem.text == "only namespace shop can be looked at: services, pods"


def test_what_is_forbidden_everywhere_is_named_and_not_known() -> None:
    reflectors = WideReflectors()
    with looking(reflectors) as seen:
        reflectors.empty("services")
        reflectors.of("services").fail(Forbidden("no"))
        seen.settle()
        reflectors.of("services", "shop").fail(Forbidden("not here either"))
        assert seen.looked
        assert seen.landscape.services is None
        assert code(seen) == "not-readable"


def test_rules_that_change_are_noticed() -> None:
    reflectors = WideReflectors()
    with looking(reflectors) as seen:
        reflectors.empty("pods")
        reflectors.of("pods").fail(Forbidden("no"))
        seen.settle()
        reflectors.of("pods", "shop").set(pod("a"))
        assert code(seen) == "one-namespace"
        reflectors.of("pods").set(pod("a"), pod("b"))
        assert code(seen) is None
        facts = seen.landscape.facts("shop")
        assert facts.pods is not None
        assert len(facts.pods) == 2


def test_the_gateway_api_and_labels_of_namespaces_may_be_missing() -> None:
    reflectors = WideReflectors()
    optional = ("httproutes", "gateways", "referencegrants")
    with looking(reflectors) as seen:
        reflectors.empty(*optional, "namespaces")
        for kind in optional:
            reflectors.of(kind).fail(NotFound("no such resource"))
        reflectors.of("namespaces").fail(Forbidden("no"))
        seen.settle()
        assert seen.looked
        assert seen.fault is None
        assert ("namespaces", "shop") not in reflectors.used


def test_objects_that_may_be_old_are_kept_and_said_to_be() -> None:
    reflectors = WideReflectors()
    with looking(reflectors) as seen:
        reflectors.empty()
        reflectors.of("pods").fail(Unreachable("no answer"))
        assert seen.looked
        assert code(seen) == "unreachable"


def test_looking_again_asks_those_that_tell_who_is_ready() -> None:
    reflectors = WideReflectors()
    with looking(reflectors) as seen:
        seen.refresh()
        asked = {kind for kind in KINDS if reflectors.of(kind).refreshes}
        assert asked == {"pods", "services", "endpointslices"}
