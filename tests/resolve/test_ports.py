from __future__ import annotations

from typing import Any

import pytest

from kfwd.kube.objects import Service
from kfwd.resolve import ports
from kfwd.resolve.facts import Unresolved
from tests.resolve.builders import piece, pod, service

HTTP = {"name": "http", "port": 80, "targetPort": "http"}
PLAIN = {"port": 9000}
DNS = ({"name": "udp", "port": 53, "protocol": "UDP"}, {"name": "tcp", "port": 53})


@pytest.mark.parametrize(
    ("declared", "remote", "number"),
    [
        ([], "5432", 5432),
        ([{"name": "http", "containerPort": 8080}], "http", 8080),
        ([{"name": "http", "containerPort": 8080}], "9999", 9999),
        ([{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53}], "53", 53),
    ],
)
def test_a_pod_port_is_a_number_or_a_declared_name(
    declared: list[dict[str, Any]], remote: str, number: int
) -> None:
    assert ports.of_pod(pod("a", ports=declared), remote) == number


@pytest.mark.parametrize(
    ("declared", "remote", "code", "says"),
    [
        ([], "http", "no-such-port", "pod a has no port named 'http'"),
        ([{"containerPort": 53, "protocol": "UDP"}], "53", "udp-port", "port 53 of pod a is UDP"),
        (
            [{"name": "dns", "containerPort": 53, "protocol": "UDP"}],
            "dns",
            "udp-port",
            "port 'dns' of pod a is UDP",
        ),
        ([{"name": "http", "containerPort": 0}], "http", "bad-port", "port 'http' of pod a"),
        ([{"name": "http", "containerPort": 70000}], "http", "bad-port", "port 'http' of pod a"),
        ([], "0", "bad-port", "remote port 0"),
        ([], "65536", "bad-port", "remote port 65536"),
        ([], "9" * 5000, "bad-port", "remote port 999"),
    ],
)
def test_a_pod_port_that_cannot_be_is_named_and_needs_a_person(
    declared: list[dict[str, Any]], remote: str, code: str, says: str
) -> None:
    with pytest.raises(Unresolved) as caught:
        ports.of_pod(pod("a", ports=declared), remote)
    assert caught.value.code == code
    assert caught.value.text.startswith(says)
    assert not caught.value.heals


def test_the_hint_lists_the_ports_of_a_pod() -> None:
    declared = [{"name": "http", "containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}]
    with pytest.raises(Unresolved) as caught:
        ports.of_pod(pod("a", ports=declared), "nosuch")
    assert caught.value.hint == "its ports are http (80), 53 UDP; any other number works too"


@pytest.mark.parametrize(
    ("given", "remote", "target"),
    [
        (service("web", HTTP), "http", 8080),
        (service("web", HTTP), "80", 8080),
        (service("web", PLAIN), "9000", 9000),
        (service("web", PLAIN | {"targetPort": 0}), "9000", 9000),
        (service("web", PLAIN | {"targetPort": 7}), "9000", 7),
        (service("web", HTTP, clusterIP="None"), "http", 80),
        (service("web", PLAIN | {"targetPort": 7}, clusterIP="None"), "9000", 9000),
        (service("web", clusterIP="None", ports=None), "1234", 1234),
        (service("web", *DNS), "53", 53),
    ],
)
def test_a_service_port_leads_to_kubectls_target_port(
    given: Service, remote: str, target: int
) -> None:
    assert ports.target_of(given, ports.of_service(given, remote), pod("a")) == target


@pytest.mark.parametrize(
    ("given", "remote", "code", "says"),
    [
        (service("web", HTTP), "81", "no-such-port", "svc/web has no port 81"),
        (service("web", HTTP), "8080", "no-such-port", "svc/web has no port 8080"),
        (service("web", HTTP), "nosuch", "no-such-port", "svc/web has no port 'nosuch'"),
        (service("web", HTTP, clusterIP="None"), "81", "no-such-port", "svc/web has no port 81"),
        (service("web", *DNS), "udp", "udp-port", "port udp of svc/web is UDP"),
        (service("web", HTTP), "0", "bad-port", "remote port 0"),
    ],
)
def test_an_unknown_service_port_is_named_and_needs_a_person(
    given: Service, remote: str, code: str, says: str
) -> None:
    with pytest.raises(Unresolved) as caught:
        ports.of_service(given, remote)
    assert (caught.value.code, caught.value.heals) == (code, False)
    assert caught.value.text.startswith(says)


def test_the_hint_lists_the_ports_of_a_service() -> None:
    with pytest.raises(Unresolved) as caught:
        ports.of_service(service("web", HTTP, PLAIN), "81")
    assert caught.value.hint == "its ports are http (80), 9000"


@pytest.mark.parametrize(
    ("listed", "number"),
    [
        ([{"name": "http", "port": 8080, "protocol": "TCP"}], 8080),
        ([{"name": "http", "port": None}], 80),
        ([{"name": "http", "port": 8080, "protocol": "UDP"}], None),
        ([{"name": "other", "port": 8080}], None),
        ([], None),
    ],
)
def test_a_slice_has_the_target_port_under_the_name_of_the_service_port(
    listed: list[dict[str, Any]], number: int | None
) -> None:
    given = service("web", HTTP)
    assert ports.in_slice(piece(ports=listed), given, given.ports[0]) == number


def test_a_nameless_service_port_is_the_nameless_port_of_a_slice() -> None:
    given = service("web", PLAIN)
    assert ports.in_slice(piece(ports=[{"name": "", "port": 7}]), given, given.ports[0]) == 7


def test_a_headless_service_keeps_its_number_whatever_the_slice_says() -> None:
    given = service("web", HTTP, clusterIP="None")
    assert ports.in_slice(piece(), given, given.ports[0]) == 80


@pytest.mark.parametrize("number", [-1, 65536, 10**30])
def test_a_number_that_is_no_port_is_never_dialled(number: int) -> None:
    """An API server refuses such objects; something in its place may not."""
    odd = service("web", {"port": 80, "targetPort": number})
    with pytest.raises(Unresolved, match="leads to one that is not between") as caught:
        ports.target_of(odd, odd.ports[0], pod("a"))
    assert caught.value.code == "bad-port"
    listed = piece(ports=[{"name": "", "port": number}])
    assert ports.in_slice(listed, odd, odd.ports[0]) is None
