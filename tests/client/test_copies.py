"""What an address can be copied as."""

from __future__ import annotations

from typing import Any

import pytest

from kfwd.client.copies import client, copies, link
from kfwd.model import EndpointView, PortView
from tests.standin import entry


def port(local: int, remote: str | None, number: int | None = None, host: str = "") -> PortView:
    both = (f"127.0.0.1:{local}", f"[::1]:{local}")
    return PortView(listen=(f"{host}:{local}",) if host else both, remote=remote, port=number)


def found(**changes: Any) -> dict[str, str]:
    return {copy.what: copy.text for copy in copies(entry(**changes))}


@pytest.mark.parametrize(
    ("remote", "number", "what", "text", "dsn"),
    [
        ("5432", 5432, "psql", "psql -h localhost -p 4711", "postgresql://localhost:4711/"),
        ("pgsql", 15432, "psql", "psql -h localhost -p 4711", "postgresql://localhost:4711/"),
        ("3306", None, "mysql", "mysql -h 127.0.0.1 -P 4711", "mysql://127.0.0.1:4711/"),
        ("redis", 1, "redis-cli", "redis-cli -h localhost -p 4711", "redis://localhost:4711/0"),
        (
            "27017",
            27017,
            "mongosh",
            "mongosh 'mongodb://localhost:4711/?directConnection=true'",
            "mongodb://localhost:4711/?directConnection=true",
        ),
    ],
)
def test_clients_of_well_known_ports(
    remote: str, number: int | None, what: str, text: str, dsn: str
) -> None:
    known = found(ports=(port(4711, remote, number),))
    assert list(known) == ["address", what, "dsn", "kubectl"]
    assert (known["address"], known[what], known["dsn"]) == ("localhost:4711", text, dsn)


@pytest.mark.parametrize(
    ("remote", "number", "url"),
    [
        ("http", 8080, "http://localhost:4711/"),
        ("8080", 8080, "http://localhost:4711/"),
        ("web", 1, "http://localhost:4711/"),
        ("https", 8443, "https://localhost:4711/"),
        ("443", None, "https://localhost:4711/"),
    ],
)
def test_http(remote: str, number: int | None, url: str) -> None:
    known = found(ports=(port(4711, remote, number),))
    assert known["url"] == url
    assert known["curl"] == (f"curl -k {url}" if url.startswith("https") else f"curl {url}")


def test_an_unknown_port_has_its_address_and_kubectl() -> None:
    assert list(found(ports=(port(4711, "9999", 9999),))) == ["address", "kubectl"]
    assert client(entry(ports=(port(4711, "9999", 9999),))) is None
    said = client(entry(ports=(port(1, "9999"), port(2, "5432"))))
    assert said is not None
    assert said.text == "psql -h localhost -p 2"


def test_kubectl_does_the_same_ports_and_addresses() -> None:
    ports = (port(8080, "http", 80, host="0.0.0.0"), port(9090, "9090", host="0.0.0.0"))
    assert found(ports=ports, target="svc/web", context="a b")["kubectl"] == (
        "kubectl --context 'a b' -n shop port-forward --address 0.0.0.0 svc/web 8080:http 9090:9090"
    )


def test_a_pod_stands_for_what_kubectl_does_not_know() -> None:
    pod = EndpointView(pod="web-0", address=None, ready=True, open=0)
    known = found(target="app=web", endpoints=(pod,), ports=(port(1, "80", 80),))
    assert known["kubectl"].endswith("port-forward pod/web-0 1:80")
    assert "kubectl" not in found(target="app=web", ports=(port(1, "80", 80),))


def test_proxies_and_gateways_speak_http() -> None:
    own = (port(8001, None, host="127.0.0.1"),)
    api = found(kind="proxy", target=None, ports=own)
    assert api["url"] == "http://localhost:8001/"
    assert api["kubectl"] == "kubectl --context kind proxy --port=8001"
    web = found(kind="proxy", target="svc/web:http", ports=own)
    assert web["kubectl"] == "kubectl --context kind -n shop port-forward svc/web 8001:http"
    gateway = found(kind="gateway", target=None, ports=own)
    assert gateway["curl"] == "curl -x localhost:8001 http://SERVICE.NAMESPACE.svc.cluster.local/"
    assert "kubectl" not in gateway


def test_what_listens_on_no_tcp_port_has_only_that() -> None:
    unix = PortView(listen=("unix:/run/web.sock",), remote="80", port=80)
    assert found(ports=(unix,)) == {"address": "/run/web.sock"}
    assert found(ports=()) == {}
    assert found(ports=(PortView(listen=(), remote="80", port=80),)) == {}


def test_a_link_is_a_page_where_there_may_be_one() -> None:
    database, page = port(1, "5432", 5432), port(2, "http", 8080)
    assert link(entry(ports=(database, page))) == "http://localhost:2/"
    assert link(entry(ports=(database,))) == "postgresql://localhost:1/"
    assert link(entry(ports=(port(3, "9000", 9000),))) is None
