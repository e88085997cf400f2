"""What was picked becomes words, the words become forwards."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest
from msgspec.structs import replace

from kfwd.api_model import ObjectPort, ObjectView
from kfwd.errors import UsageError
from kfwd.model import PortSpec, PortView
from kfwd.tui import drafts
from kfwd.tui.drafts import Draft
from tests.standin import entry


def thing(kind: str, target: str | None, *ports: ObjectPort) -> ObjectView:
    return ObjectView(kind=kind, namespace="shop", name="x", target=target, ports=ports)


def choose(remotes: Sequence[int], taken: Collection[int]) -> list[int]:
    """A free port is one that is not taken."""
    return [0 if remote in taken else remote for remote in remotes]


HTTP = ObjectPort(number=8080, name="http")
DNS = ObjectPort(number=53, name="dns", protocol="UDP")


def test_ports_of_services_are_named_others_are_numbers() -> None:
    found = drafts.of_objects(
        [
            thing("service", "svc/web", HTTP, DNS),
            thing("pod", "pod/web-1", ObjectPort(number=9000)),
        ],
        (),
        choose,
    )
    assert [(draft.target, draft.ports) for draft in found] == [
        ("svc/web", "8080:http"),
        ("pod/web-1", "9000:9000"),
    ]


def test_no_local_port_is_given_twice_nor_one_that_is_taken() -> None:
    twice = [thing("service", "svc/a", HTTP), thing("service", "svc/b", HTTP)]
    assert [draft.ports for draft in drafts.of_objects(twice, (), choose)] == ["8080:http", ":http"]
    assert drafts.of_objects(twice[:1], [8080], choose)[0].ports == ":http"


def test_what_is_no_target_is_left_out_and_an_ingress_is_its_services() -> None:
    alias = thing("service", None)
    assert drafts.of_objects([alias], (), choose) == []
    assert not drafts.can_be_forwarded(alias)
    ingress = replace(thing("ingress", None), leads_to=("svc/a:8080", "svc/b:http"))
    assert drafts.can_be_forwarded(ingress)
    found = drafts.of_objects([ingress], (), choose)
    assert [(each.target, each.ports) for each in found] == [
        ("svc/a", "8080:8080"),
        ("svc/b", ":http"),
    ]


def test_one_port_of_a_route() -> None:
    draft = drafts.of_route("svc/web", "8080", "shop", (), via="direct", choose=choose)
    assert draft == Draft(target="svc/web", namespace="shop", ports="8080:8080", via="direct")
    named = drafts.of_route("svc/web", "http", "shop", (), choose=choose)
    assert named.ports == ":http"


def test_words_become_forwards_and_lines() -> None:
    words = Draft(target="svc/web", namespace="shop", ports="8080:http, :9000", via="direct")
    (spec,) = drafts.specs([words])
    assert spec.ports == (PortSpec(local=8080, remote="http"), PortSpec(local=0, remote="9000"))
    assert (spec.name, spec.namespace, spec.via) == ("web", "shop", "direct")
    assert list(drafts.preview([spec])) == [
        "localhost:8080 → svc/web:http",
        "a free port → svc/web:9000",
    ]


@pytest.mark.parametrize(
    ("ports", "wrong"),
    [("", "svc/web: say a port"), ("x:80", "svc/web: bad local port"), ("http", "no local port")],
)
def test_what_cannot_be_read_names_its_target(ports: str, wrong: str) -> None:
    with pytest.raises(UsageError, match=wrong):
        drafts.specs([Draft(target="svc/web", namespace="shop", ports=ports)])


def test_the_ports_that_entries_have() -> None:
    listens = ("127.0.0.1:8080", "[::1]:8080", "unix:/run/x:1")
    found = entry("-/web", ports=(PortView(listen=listens, remote="http", port=80),))
    assert drafts.local_numbers([found]) == {8080}
