"""Which back end a `proxy` request means."""

from __future__ import annotations

from typing import Any

import pytest

from kfwd.sim import proxy_target
from kfwd.sim.requests import parse
from kfwd.sim.status import StatusError
from kfwd.sim.store import Store
from tests.sim.builders import create, filled, pod, service

BASE = "/api/v1/namespaces/demo"
REF = {"kind": "Pod", "name": "a", "namespace": "demo"}


@pytest.fixture
def store() -> Store:
    """Pod `a` and Service `web` with ports `http` 80 and `echo` 9000; only `http` has a pod."""
    found = filled()
    made = create(found, pod("a"))
    uid = made["metadata"]["uid"]
    found.update("pods", "demo", "a", lambda copy: copy["status"].update(podIP="127.1.0.1"))
    create(found, service("web", {"http": 80, "echo": 9000}))
    address = {"ip": "127.1.0.1", "targetRef": {**REF, "uid": uid}}
    subset = {"addresses": [address], "ports": [{"name": "http", "port": 8080}]}
    create(found, endpoints("web", [subset]))
    create(found, service("plain", {"": 80}))
    create(found, service("empty", {"http": 80}))
    create(found, endpoints("empty", []))
    return found


def endpoints(name: str, subsets: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "kind": "Endpoints",
        "apiVersion": "v1",
        "metadata": {"name": name},
        "subsets": subsets,
    }


def locate(store: Store, path: str) -> proxy_target.Target:
    return proxy_target.locate(store, parse("GET", path, {}))


def refusal(store: Store, path: str) -> tuple[int, str]:
    with pytest.raises(StatusError) as caught:
        locate(store, path)
    return caught.value.code, caught.value.message


@pytest.mark.parametrize(
    ("ident", "expected"),
    [
        ("web", ("http", "web", "")),
        ("web:", ("http", "web", "")),
        ("web:80", ("http", "web", "80")),
        (":web:", ("http", "web", "")),
        ("https:web:", ("https", "web", "")),
        ("http:web:http", ("http", "web", "http")),
        ("ftp:web:80", None),
        (":80", None),
        ("", None),
        ("a:b:c:d", None),
    ],
)
def test_an_id_is_a_name_with_or_without_scheme_and_port(
    ident: str, expected: tuple[str, str, str] | None
) -> None:
    assert proxy_target.split(ident) == expected


@pytest.mark.parametrize("port", ["80", "http"])
def test_a_service_port_is_named_by_number_or_name(store: Store, port: str) -> None:
    found = locate(store, f"{BASE}/services/web:{port}/proxy/")
    assert (found.host, found.port, found.scheme) == ("127.1.0.1:8080", 8080, "http")
    assert found.uid


@pytest.mark.parametrize(
    ("ident", "message"),
    [
        ("web", 'no endpoints available for service "web"'),
        ("web:81", 'no service port 81 found for service "web"'),
        ("web:9000", 'no endpoints available for service "web:9000"'),
        ("web:none", 'no endpoints available for service "web:none"'),
        ("empty:80", 'no endpoints available for service "empty"'),
        ("https:empty:http", 'no endpoints available for service "empty"'),
    ],
)
def test_a_service_without_a_ready_pod_behind_the_port_is_unavailable(
    store: Store, ident: str, message: str
) -> None:
    assert refusal(store, f"{BASE}/services/{ident}/proxy/") == (503, message)


def test_only_addresses_of_pods_that_have_them_are_dialled(store: Store) -> None:
    store.update("pods", "demo", "a", lambda copy: copy["status"].update(podIP="127.1.0.2"))
    code, message = refusal(store, f"{BASE}/services/web:80/proxy/")
    assert (code, message) == (503, 'no endpoints available for service "web:80"')


def test_what_does_not_exist_is_not_found(store: Store) -> None:
    assert refusal(store, f"{BASE}/services/no:80/proxy/") == (404, 'services "no" not found')
    assert refusal(store, f"{BASE}/services/no/proxy/") == (404, 'endpoints "no" not found')
    assert refusal(store, f"{BASE}/pods/no/proxy/") == (404, 'pods "no" not found')
    assert refusal(store, "/api/v1/nodes/no/proxy/") == (404, 'nodes "no" not found')


@pytest.mark.parametrize("kind", ["pods", "services"])
def test_a_bad_id_is_a_bad_request(store: Store, kind: str) -> None:
    found = refusal(store, f"{BASE}/{kind}/ftp:a:80/proxy/")
    assert found == (400, f'invalid {kind.removesuffix("s")} request "ftp:a:80"')


@pytest.mark.parametrize(
    ("ident", "host", "port"),
    [
        ("a", "127.1.0.1:8080", 8080),
        ("a:9000", "127.1.0.1:9000", 9000),
        ("a:http", "127.1.0.1:http", 80),
        ("a:metrics", "127.1.0.1:metrics", None),
        ("a:70000", "127.1.0.1:70000", None),
    ],
)
def test_a_pod_port_is_taken_literally(
    store: Store, ident: str, host: str, port: int | None
) -> None:
    found = locate(store, f"{BASE}/pods/{ident}/proxy/")
    assert (found.host, found.port) == (host, port)


def test_a_pod_without_an_address_is_not_allowed(store: Store) -> None:
    create(store, pod("b"))
    assert refusal(store, f"{BASE}/pods/b/proxy/") == (400, "address not allowed")


def test_a_node_is_its_kubelet_unless_another_port_is_named(store: Store) -> None:
    assert locate(store, "/api/v1/nodes/node-1/proxy/").kubelet == "node-1"
    assert locate(store, "/api/v1/nodes/node-1:10250/proxy/").kubelet == "node-1"
    found = locate(store, "/api/v1/nodes/node-1:30080/proxy/")
    assert (found.node_address, found.port) == ("127.0.0.11", 30080)
    store.update("nodes", "", "node-1", lambda copy: copy["status"].update(addresses=[]))
    assert refusal(store, "/api/v1/nodes/node-1:30080/proxy/") == (400, "address not allowed")


@pytest.mark.parametrize(
    ("below", "path"),
    [
        ("", ""),
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/a/b/", "/a/b/"),
        ("/a%2Fb", "/a/b"),
        ("/a%20b?x=1", "/a b"),
        ("//a///b", "/a/b"),
        ("/a/../b", "/b"),
        ("/..", "/.."),
        ("/%2e%2e/x/", "/../x/"),
    ],
)
def test_a_path_is_decoded_and_cleaned_as_go_does(below: str, path: str) -> None:
    found = proxy_target.route(f"{BASE}/services/web:80/proxy{below}")
    assert found.plain_path == path


def test_an_upgrade_loses_the_slash_at_the_end() -> None:
    found = proxy_target.route(f"{BASE}/pods/a/proxy/ws/")
    assert (found.path, found.plain_path) == ("/ws", "/ws/")


def test_the_prefix_is_the_path_as_far_as_proxy() -> None:
    for base in (f"{BASE}/services/web:80/proxy", "/api/v1/nodes/node-1/proxy"):
        for below in ("/", "/a", "/a/", "/a/b"):
            assert proxy_target.route(base + below).prefix == base


def test_only_proxy_subresources_are_proxied() -> None:
    assert proxy_target.is_proxied(f"{BASE}/pods/a/proxy")
    assert proxy_target.is_proxied(f"{BASE}/pods/a/proxy?x=/exec")
    assert proxy_target.is_proxied("/api/v1/nodes/n/%70roxy/")
    for path in (f"{BASE}/pods/a", f"{BASE}/configmaps/a/proxy", f"{BASE}/pods/a/proxyless"):
        assert not proxy_target.is_proxied(path)


def test_paths_are_escaped_as_go_escapes_them() -> None:
    assert proxy_target.escaped("/a b/c;d=e,f:g@h&i$j+k~l!m'n(o)*") == (
        "/a%20b/c;d=e,f:g@h&i$j+k~l%21m%27n%28o%29%2A"
    )
    assert proxy_target.escaped("") == "/"
    odd = proxy_target.route(f"{BASE}/pods/a/proxy/%ff%c3%bc")
    assert proxy_target.escaped(odd.plain_path) == "/%FF%C3%BC"
