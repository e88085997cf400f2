"""What a name or an address of a cluster is: a table of cases."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kfwd.kube.objects import Pod, Service
from kfwd.resolve import hosts, rules
from kfwd.resolve.names import (
    ByRules,
    Itself,
    Names,
    Place,
    Refused,
    ToPod,
    ToService,
    usual_port,
)
from kfwd.resolve.rules import RuleObjects
from tests.resolve.builders import pod, service
from tests.resolve.rules import gateway as gateway_of
from tests.resolve.rules import http_route, ingress

HTTP: dict[str, Any] = {"name": "http", "port": 8080}
ADMIN: dict[str, Any] = {"name": "admin", "port": 9090}


def by_key(*objects: Any) -> dict[str, Any]:
    return {f"{each.metadata.namespace}/{each.name}": each for each in objects}


def in_namespace(item: Any, namespace: str) -> Any:
    metadata = msgspec.structs.replace(item.metadata, namespace=namespace)
    return msgspec.structs.replace(item, metadata=metadata)


SERVICES: dict[str, Service] = by_key(
    service("web", HTTP, ADMIN, clusterIP="10.96.0.10", clusterIPs=["10.96.0.10", "fd00::10"]),
    service("bar", {"port": 80}, clusterIP="10.96.0.11"),
    service("db", {"port": 5432}, clusterIP="None"),
    service("dns", {"port": 53, "protocol": "UDP"}),
    service("out", type="ExternalName", externalName="db.example.com"),
    in_namespace(service("bar", {"port": 80}), "com"),
)
PODS: dict[str, Pod] = by_key(
    pod("db-0", podIP="10.0.0.5", ports=[{"containerPort": 5432}]),
    pod("web-1", podIP="10.0.0.6", uid="1"),
    pod("old", podIP="10.0.0.7", phase="Succeeded"),
    pod("agent-a", podIP="172.16.0.1", host_network=True, ports=[{"containerPort": 9100}]),
    pod("agent-b", podIP="172.16.0.1", host_network=True, ports=[{"containerPort": 9200}]),
)
RULES = rules.build(
    RuleObjects(
        ingresses=[
            ingress("a", ("foo.bar.com", "Prefix", "/", "web:8080")),
            ingress("b", ("*.wild.example", "Prefix", "/", "web:8080")),
            ingress("c", ("", "Prefix", "/", "web:8080")),
            ingress("d", ("known.app.svc.cluster.local", "Prefix", "/", "web:8080")),
        ],
        routes=[http_route("r", hosts=["route.example"])],
        gateways={"infra/public": gateway_of()},
    )
)
NAMES = Names(SERVICES, PODS, RULES)


def brief(place: Place) -> str:
    match place:
        case ToService():
            return f"svc {place.namespace}/{place.name}:{place.port}"
        case ToPod():
            return f"pod {place.namespace}/{place.name}:{place.port}"
        case ByRules():
            return f"rules {place.host}"
        case Itself():
            return "itself"
        case Refused():
            return str(place.status)


def found(authority: str, *, short: bool = True) -> str:
    port = hosts.port_of(authority)
    return brief(NAMES.find(hosts.name_of(authority), int(port) if port else None, short=short))


@pytest.mark.parametrize(
    ("authority", "place"),
    [
        # names for browsers
        ("web.shop.localhost", "svc shop/web:8080"),
        ("WEB.Shop.LOCALHOST.", "svc shop/web:8080"),
        ("web.shop.localhost:9090", "svc shop/web:9090"),
        ("admin.web.shop.localhost", "svc shop/web:admin"),
        ("9090.web.shop.localhost", "svc shop/web:9090"),
        ("db-0.db.shop.localhost", "pod shop/db-0:5432"),
        ("web-1.shop.localhost", "pod shop/web-1:8080"),
        ("web.shop.svc.localhost", "svc shop/web:8080"),
        ("db-0.shop.pod.localhost", "pod shop/db-0:5432"),
        ("foo.bar.com.localhost", "rules foo.bar.com"),
        ("x.wild.example.localhost", "rules x.wild.example"),
        ("bar.com.localhost", "svc com/bar:80"),
        ("ingress.localhost", "rules ingress.localhost"),
        # the cluster's DNS
        ("web.shop.svc.cluster.local", "svc shop/web:8080"),
        ("web.shop.svc.cluster.local.", "svc shop/web:8080"),
        ("web.shop.svc:9090", "svc shop/web:9090"),
        ("web.shop", "svc shop/web:8080"),
        ("db.shop.svc.cluster.local:5432", "svc shop/db:5432"),
        ("db-0.db.shop.svc.cluster.local", "pod shop/db-0:5432"),
        ("db-0.shop.pod.cluster.local:5432", "pod shop/db-0:5432"),
        ("10-0-0-5.shop.pod.cluster.local:5432", "pod shop/db-0:5432"),
        ("db-0.shop", "pod shop/db-0:5432"),
        ("known.app.svc.cluster.local", "rules known.app.svc.cluster.local"),
        # addresses
        ("10.96.0.10:8080", "svc shop/web:8080"),
        ("[fd00::10]:8080", "svc shop/web:8080"),
        ("[FD00:0:0::10]:8080", "svc shop/web:8080"),
        ("[::ffff:10.96.0.10]:8080", "svc shop/web:8080"),
        ("10.0.0.6", "pod shop/web-1:8080"),
        ("10.0.0.6:1234", "pod shop/web-1:1234"),
        ("172.16.0.1:9200", "pod shop/agent-b:9200"),
        # hosts of rules
        ("foo.bar.com", "rules foo.bar.com"),
        ("foo.bar.com:8888", "rules foo.bar.com"),
        ("x.wild.example", "rules x.wild.example"),
        ("route.example", "rules route.example"),
        # this machine
        ("localhost", "itself"),
        ("127.0.0.1:22", "itself"),
        ("[::1]:8888", "itself"),
        ("[::ffff:127.0.0.1]:22", "itself"),
        # nothing of the cluster
        ("example.com", "403"),
        ("bar.com.evil.example", "403"),
        ("wild.example", "403"),
        ("a.b.wild.example", "403"),
        ("kubernetes.default.svc.cluster.local.evil.example", "403"),
        ("169.254.169.254", "403"),
        ("127.0.0.2:22", "403"),
        ("0.0.0.0:22", "403"),
        ("[::]:22", "403"),
        ("2130706433", "403"),
        ("0x7f.1", "403"),
        ("127.1", "403"),
        ("[::1%25eth0]", "403"),
        ("10.0.0.99", "403"),
        ("172.16.0.1:22", "403"),
        ("10.0.0.7:80", "403"),
        ("web", "403"),
        ("web.localhost", "403"),
        (".localhost", "403"),
        ("", "403"),
        ("nope.shop.localhost", "403"),
        ("nope.shop.svc.cluster.local", "403"),
        ("nope.shop.pod.cluster.local", "403"),
        ("web.nowhere", "403"),
        ("out.shop.localhost", "403"),
        ("out.shop.svc.cluster.local:5432", "403"),
        # nothing that can be reached of it
        ("web.shop.localhost:7", "404"),
        ("web.shop.svc.cluster.local:70000", "404"),
        ("dns.shop.svc.cluster.local:53", "404"),
    ],
)
def test_a_name_leads_to_what_the_cluster_calls_so_or_nowhere(authority: str, place: str) -> None:
    assert found(authority) == place


@pytest.mark.parametrize(
    ("authority", "place"),
    [
        ("web.shop", "403"),
        ("web-1.shop:8080", "403"),
        ("web.shop.svc", "svc shop/web:8080"),
        ("web.shop.localhost", "svc shop/web:8080"),
        ("foo.bar.com", "rules foo.bar.com"),
    ],
)
def test_a_short_name_that_may_be_a_domain_of_the_internet_is_for_proxy_clients_alone(
    authority: str, place: str
) -> None:
    assert found(authority, short=False) == place


def test_a_refusal_says_what_is_wrong_and_what_would_be_right() -> None:
    alias = NAMES.find("out.shop.svc.cluster.local")
    assert isinstance(alias, Refused)
    assert "alias of db.example.com, which is not in the cluster" in alias.text
    unknown = NAMES.find("wbe.shop.localhost")
    assert unknown == Refused(
        "there is no svc/wbe in namespace shop", "did you mean svc/web?", status=403
    )
    port = NAMES.find("web.shop.localhost", 7)
    assert isinstance(port, Refused)
    assert port.hint == "its ports are http (8080), admin (9090)"
    local = NAMES.find("web.shop", short=False)
    assert isinstance(local, Refused)
    assert local.hint == "use web.shop.localhost"


@pytest.mark.parametrize(
    ("listed", "number"),
    [
        ([{"name": "a", "port": 1}, {"name": "b", "port": 80}], 80),
        ([{"name": "a", "port": 1}, {"name": "http-web", "port": 8000}], 8000),
        ([{"name": "a", "port": 9}, {"name": "b", "port": 3}], 9),
        ([{"name": "a", "port": 53, "protocol": "UDP"}, {"name": "b", "port": 3}], 3),
    ],
)
def test_the_usual_port_is_80_or_called_http_or_the_first(
    listed: list[dict[str, Any]], number: int
) -> None:
    port = usual_port(service("web", *listed))
    assert port is not None
    assert port.port == number
