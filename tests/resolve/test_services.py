from __future__ import annotations

import pytest

from kfwd.kube.objects import EndpointSlice, Resource
from kfwd.resolve import services
from kfwd.resolve.facts import Endpoint, Unresolved
from tests.resolve.builders import facts, member, piece, pod, service

NAMED_9 = [{"name": "http", "port": 9}]


def found(*objects: Resource, hidden: tuple[str, ...] = (), remote: str = "http") -> list[Endpoint]:
    known = facts(*objects, **dict.fromkeys(hidden))
    given = (known.services or {})["web"]
    return services.candidates(given, remote, known, "shop")


def brief(endpoints: list[Endpoint]) -> list[tuple[str, int, bool, bool, bool]]:
    return [(e.pod, e.port, e.ready, e.serving, e.terminating) for e in endpoints]


def test_all_slices_of_the_service_are_joined_and_no_other() -> None:
    one = piece(member("a"), name="web-1")
    two = piece(member("b"), name="web-2", ports=NAMED_9)
    other = piece(member("c"), name="db-1", of="db")
    assert brief(found(service(), one, two, other, hidden=("pods",))) == [
        ("a", 8080, True, True, False),
        ("b", 9, True, True, False),
    ]


@pytest.mark.parametrize("turn", [1, -1])
def test_a_pod_that_is_in_two_slices_counts_once_and_in_its_better_state(turn: int) -> None:
    slices = [piece(member("a", ready=True), name="1"), piece(member("a", ready=False), name="2")]
    assert brief(found(service(), *slices[::turn], hidden=("pods",))) == [
        ("a", 8080, True, True, False)
    ]


@pytest.mark.parametrize(
    ("conditions", "flags"),
    [
        ({}, (True, True, False)),
        ({"ready": None}, (True, True, False)),
        ({"ready": False}, (False, False, False)),
        ({"ready": False, "serving": True, "terminating": True}, (False, True, True)),
        ({"ready": False, "serving": False, "terminating": True}, (False, False, True)),
    ],
)
def test_missing_conditions_mean_what_the_api_says(
    conditions: dict[str, bool | None], flags: tuple[bool, bool, bool]
) -> None:
    [endpoint] = found(service(), piece(member("a", **conditions)), hidden=("pods",))
    assert (endpoint.ready, endpoint.serving, endpoint.terminating) == flags


def test_a_pod_that_is_being_deleted_counts_as_such_before_its_slice_says_so() -> None:
    [endpoint] = found(service(), piece(member("a")), pod("a", deleted=9))
    assert (endpoint.ready, endpoint.serving, endpoint.terminating) == (False, True, True)


def test_a_pod_that_is_being_deleted_serves_no_longer_than_it_is_ready() -> None:
    conditions = {"ready": False, "serving": True, "terminating": True}
    [endpoint] = found(
        service(), piece(member("a", **conditions)), pod("a", deleted=9, ready=False)
    )
    assert not endpoint.serving


@pytest.mark.parametrize(
    "now",
    [[], [pod("a", uid="a new one")], [pod("a", phase="Failed")], [pod("a", phase="Succeeded")]],
    ids=["gone", "replaced", "failed", "finished"],
)
def test_a_pod_that_is_no_more_is_no_endpoint_whatever_its_slice_says(now: list[Resource]) -> None:
    endpoints = found(service(), piece(member("a"), member("b")), pod("b"), *now)
    assert [endpoint.pod for endpoint in endpoints] == ["b"]


def test_endpoints_come_in_the_order_of_their_pods() -> None:
    pods = [pod("a", ready_at=9), pod("b", ready_at=1)]
    both = piece(member("a"), member("b"))
    assert [e.pod for e in found(service(), both, *pods)] == ["b", "a"]
    assert [e.pod for e in found(service(), both, hidden=("pods",))] == ["a", "b"]


def test_an_unready_endpoint_that_is_published_stays_ready() -> None:
    [endpoint] = found(service(), piece(member("a", ready=True)), pod("a", ready=False))
    assert endpoint.ready


def test_without_slices_the_selector_picks_the_pods() -> None:
    pods = [pod("a"), pod("b", ready=False), pod("c", app="db")]
    assert brief(found(service(), *pods, hidden=("slices",))) == [
        ("a", 8080, True, True, False),
        ("b", 8080, False, False, False),
    ]


def test_without_slices_a_named_target_port_is_looked_up_in_each_pod() -> None:
    odd = pod("b", ports=[{"name": "http", "containerPort": 9}])
    bare = pod("c", ports=[])
    assert [(e.pod, e.port) for e in found(service(), pod("a"), odd, bare, hidden=("slices",))] == [
        ("a", 8080),
        ("b", 9),
    ]


def addresses() -> EndpointSlice:
    return piece({"addresses": ["10.9.9.9"]})


@pytest.mark.parametrize(
    ("objects", "hidden", "code", "heals"),
    [
        ([service(type="ExternalName", externalName="x.org")], (), "external-name", False),
        ([service(selector={})], (), "no-selector", False),
        ([service(selector={})], ("slices",), "no-selector", False),
        ([service(selector={}), addresses()], (), "no-selector", False),
        ([service()], ("slices", "pods"), "not-readable", True),
        ([service(), pod("a", ports=[])], ("slices",), "no-such-port", False),
        ([service(), piece(member("a"), ports=[])], (), "no-such-port", True),
    ],
)
def test_a_service_that_can_have_no_endpoints_says_why(
    objects: list[Resource], hidden: tuple[str, ...], code: str, heals: bool
) -> None:
    with pytest.raises(Unresolved) as caught:
        found(*objects, hidden=hidden)
    assert (caught.value.code, caught.value.heals) == (code, heals)


def test_a_service_with_endpoints_but_no_selector_works_when_they_are_pods() -> None:
    assert [e.pod for e in found(service(selector={}), piece(member("a")), pod("a"))] == ["a"]
