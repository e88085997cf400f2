"""What a target needs is looked at, and what hinders that is said."""

from __future__ import annotations

from typing import Any

from kfwd.entries.sight import Sight, looking
from kfwd.errors import ApiError, Forbidden
from kfwd.resolve.target import parse
from tests.entries.rig import Reflectors
from tests.resolve.builders import node, pod, service


def wake() -> None:
    """Nobody to wake."""


def sight(reflectors: Any, target: str) -> Any:
    return looking(reflectors, parse(target), "shop", wake)


def test_a_service_needs_its_slices_and_pods_too() -> None:
    reflectors = Reflectors()
    with sight(reflectors, "svc/web"):
        assert [(kind, name) for kind, _, name in reflectors.used] == [
            ("services", "web"),
            ("endpointslices", None),
            ("pods", None),
        ]
    assert reflectors.used == []


def test_nodes_are_looked_at_when_asked_for_and_their_loss_is_no_fault() -> None:
    reflectors: Any = Reflectors()
    with looking(reflectors, parse("pod/web-1"), "shop", wake, nodes=True) as seen:
        assert reflectors.used[-1] == ("nodes", None, None)
        ports = [{"name": "http", "containerPort": 8080, "hostPort": 80}]
        reflectors["pods"].set(pod("web-1", ports=ports, hostIP="127.0.0.9"))
        assert not seen.looked
        reflectors["nodes"].fail(Forbidden("nodes is forbidden"))
        assert seen.looked
        assert seen.fault is None
        resolution = seen.resolve("http")
        assert [each.uid for each in seen.addresses("http", resolution)] == ["127.0.0.9:80"]
        reflectors["nodes"].set(node("node-1", "127.0.0.11"))
        assert [each.uid for each in seen.addresses("http", resolution)] == ["127.0.0.11:80"]


def test_it_has_looked_when_every_kind_was_read_or_refused() -> None:
    reflectors = Reflectors()
    with sight(reflectors, "svc/web") as seen:
        reflectors["services"].set(service("web"))
        reflectors["pods"].set(pod("web-1"))
        assert not seen.looked
        reflectors["endpointslices"].fail(Forbidden("endpointslices is forbidden"))
        assert seen.looked


def test_a_service_whose_slices_are_hidden_is_resolved_by_its_selector_with_a_warning() -> None:
    reflectors = Reflectors()
    with sight(reflectors, "svc/web") as seen:
        reflectors["services"].set(service("web"))
        reflectors["pods"].set(pod("web-1"))
        reflectors["endpointslices"].fail(Forbidden("endpointslices is forbidden"))
        assert [each.pod for each in seen.resolve("http").endpoints] == ["web-1"]
        assert seen.fault.problem.severity == "warning"


def test_what_cannot_be_read_at_all_is_an_error_that_needs_a_person() -> None:
    reflectors = Reflectors()
    with sight(reflectors, "pod/web-1") as seen:
        reflectors["pods"].fail(Forbidden("pods is forbidden"))
        assert seen.fault.problem.severity == "error"
        assert not seen.fault.heals


def test_a_server_error_over_known_objects_is_a_warning_that_heals() -> None:
    reflectors = Reflectors()
    with sight(reflectors, "pod/web-1") as seen:
        reflectors["pods"].set(pod("web-1"), problem=ApiError("overloaded", status=500))
        assert seen.fault.problem.severity == "warning"
        assert seen.fault.heals


def test_a_change_wakes_only_while_somebody_looks() -> None:
    reflectors, woken = Reflectors(), []
    any_reflectors: Any = reflectors
    with looking(any_reflectors, parse("pod/a"), "shop", lambda: woken.append(1)):
        reflectors["pods"].set()
    reflectors["pods"].set()
    assert woken == [1]


def test_looking_again_asks_every_source() -> None:
    reflectors = Reflectors()
    with sight(reflectors, "svc/web") as seen:
        assert isinstance(seen, Sight)
        seen.refresh()
    assert {source.refreshes for source in reflectors.sources.values()} == {1}
