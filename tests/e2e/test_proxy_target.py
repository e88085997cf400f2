"""One service at `/` of a local port: by tunnel, by the API server, and from one to the other."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Sim
from tests.e2e.test_cli import Shell
from tests.ports import free_port

pytestmark = pytest.mark.e2e

PROFILE = """version: 1
namespace: {namespace}
proxies:
- {{name: tunnel, target: "svc/web:http", listen: {tunnel}, requests: true}}
- {{name: api, target: "svc/web:http", listen: {api}, via: api-proxy}}
"""


class Apps:
    """The proxies of one profile."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.ports = {"tunnel": free_port(), "api": free_port()}
        text = PROFILE.format(namespace=shell.namespace, **self.ports)
        (shell.profiles / "apps.yaml").write_text(text)
        shell("up", "apps", "--wait", "30")

    def ask(
        self, way: str, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[way], timeout=20)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def entry(self, name: str) -> Any:
        return self.shell.entries()[f"apps/{name}"]

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, self.shell.entries()
            time.sleep(0.05)


@pytest.fixture(scope="module")
def apps(sim: Sim, namespace: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apps]:
    shell = Shell(sim, namespace, tmp_path_factory.mktemp("apps"))
    try:
        yield Apps(shell)
    finally:
        shell("daemon", "stop")


@pytest.mark.parametrize("way", ["tunnel", "api"])
def test_an_app_is_at_the_root(apps: Apps, way: str) -> None:
    status, headers, body = apps.ask(way, "/a/b?c=d")
    assert status == 200
    assert f"pod={headers['X-Pod']} path=/a/b".encode() in body


@pytest.mark.parametrize("way", ["tunnel", "api"])
def test_links_and_redirects_lead_to_the_root(apps: Apps, way: str) -> None:
    status, headers, _ = apps.ask(way, "/redirect")
    assert (status, headers["Location"]) == (302, "/html")
    _, _, page = apps.ask(way, "/html")
    assert b'href="/headers"' in page
    assert b"/api/v1/" not in page


@pytest.mark.parametrize("way", ["tunnel", "api"])
def test_a_large_body_is_the_same_bytes_both_ways(apps: Apps, way: str) -> None:
    data = os.urandom(8 * 1024 * 1024)
    _, _, said = apps.ask(way, "/sha", "POST", data)
    assert said.split() == [b"%d" % len(data), hashlib.sha256(data).hexdigest().encode()]
    _, _, body = apps.ask(way, "/bytes/8000000")
    assert len(body) == 8_000_000


def test_through_a_tunnel_an_app_sees_what_was_sent(apps: Apps) -> None:
    _, _, body = apps.ask("tunnel", "/headers", Authorization="Basic YTpi", Cookie="a=b")
    seen = json.loads(body)
    assert seen["Host"] == f"127.0.0.1:{apps.ports['tunnel']}"
    assert (seen["Authorization"], seen["Cookie"]) == ("Basic YTpi", "a=b")
    assert "X-Forwarded-For" not in seen


def test_through_the_api_server_a_login_does_not_arrive(apps: Apps) -> None:
    status, _, body = apps.ask("api", "/headers", Authorization="Basic YTpi", Cookie="a=b")
    seen = json.loads(body)
    assert status == 200
    assert "Authorization" not in seen
    assert seen["Cookie"] == "a=b"


@pytest.mark.parametrize("way", ["tunnel", "api"])
def test_a_websocket_echoes(apps: Apps, way: str) -> None:
    port = apps.ports[way]
    key = base64.b64encode(os.urandom(16)).decode()
    head = (
        f"GET /ws?a=1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\n"
        f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        f"Origin: http://127.0.0.1:{port}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        sock.sendall(head.encode())
        reader = sock.makefile("rb")
        assert b" 101 " in reader.readline()
        while reader.readline() != b"\r\n":
            pass
        sock.sendall(b"\x82\x85\0\0\0\0hello")
        assert reader.read(7) == b"\x82\x05hello"
        reader.close()


def test_events_come_as_they_happen(apps: Apps) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", apps.ports["tunnel"], timeout=20)
    connection.request("GET", "/sse")
    answer = connection.getresponse()
    assert answer.readline()
    connection.close()


def test_what_is_shown(apps: Apps) -> None:
    apps.ask("tunnel", "/")
    tunnel, api = apps.entry("tunnel"), apps.entry("api")
    assert (tunnel["kind"], tunnel["state"], tunnel["via"]) == ("proxy", "ready", "tunnel")
    assert tunnel["target"] == "svc/web:http"
    assert tunnel["ports"] == [
        {"listen": [f"127.0.0.1:{apps.ports['tunnel']}"], "remote": None, "port": None}
    ]
    assert tunnel["problem"] is None
    assert len(tunnel["endpoints"]) == 2
    assert (api["state"], api["via"]) == ("ready", "api-proxy")
    assert (api["problem"]["code"], api["problem"]["severity"]) == ("api-proxy-limits", "info")


def test_a_request_after_the_pod_has_gone_is_answered_by_another(apps: Apps, sim: Sim) -> None:
    _, headers, _ = apps.ask("tunnel", "/")
    sim.kubectl("delete", "pod", "-n", apps.shell.namespace, headers["X-Pod"], "--wait=false")
    for way in ("tunnel", "api"):
        assert apps.ask(way, "/")[0] == 200


def test_requests_are_kept_without_their_queries(apps: Apps) -> None:
    apps.ask("tunnel", "/secret?token=abc", "PUT")
    lines = apps.shell("logs", "tunnel", "--requests", "-o", "json").stdout.splitlines()
    (seen,) = (row for row in map(json.loads, lines) if row["path"] == "/secret")
    assert (seen["method"], seen["status"]) == ("PUT", 200)
    assert seen["pod"].startswith("web-")
    assert seen["bytes"]["in"] > 0
    assert "abc" not in "".join(lines)
    assert " PUT " in apps.shell("logs", "tunnel", "--requests").stdout
    assert len(apps.shell("logs", "tunnel", "--requests", "-n", "1").stdout.splitlines()) == 1
    refused = apps.shell("logs", "api", "--requests", code=2).stderr
    assert "apps/api keeps no requests" in refused


def test_pages_of_other_sites_and_names_are_refused(apps: Apps) -> None:
    for way in ("tunnel", "api"):
        assert apps.ask(way, "/", Host="evil.com")[0] == 403
        assert apps.ask(way, "/", "POST", Origin="http://evil.com")[0] == 403
        assert apps.ask(way, "/", **{"Sec-Fetch-Site": "cross-site"})[0] == 403


def test_nothing_climbs_out_of_the_app(apps: Apps) -> None:
    for path in ("/..%2f..%2f..%2f", "/%2e%2e/%2e%2e/db:80/proxy/", "/../web:9000/proxy/"):
        assert apps.ask("api", path)[0] == 400


def test_where_tunnels_are_forbidden_it_goes_through_the_api_server(apps: Apps, sim: Sim) -> None:
    sim.faults(forbid=["create pods/portforward", "get pods/portforward"])
    sim.admin("POST", "/sim/cut")
    try:
        apps.until(lambda: apps.entry("tunnel")["via"] == "api-proxy")
        entry = apps.entry("tunnel")
        assert entry["state"] == "ready"
        assert entry["problem"]["code"] == "api-proxy-limits"
        assert entry["problem"]["severity"] == "warning"
        assert apps.ask("tunnel", "/redirect")[1]["Location"] == "/html"
    finally:
        sim.faults(forbid=[])
    apps.until(lambda: apps.entry("tunnel")["via"] == "tunnel")
    assert apps.ask("tunnel", "/")[0] == 200


def test_requests_wait_while_there_is_no_pod(apps: Apps, sim: Sim) -> None:
    namespace = apps.shell.namespace
    sim.kubectl("scale", "-n", namespace, "deploy/web", "--replicas=0")
    apps.until(lambda: apps.entry("tunnel")["state"] == apps.entry("api")["state"] == "waiting")
    with (
        socket.create_connection(("127.0.0.1", apps.ports["tunnel"]), timeout=30) as one,
        socket.create_connection(("127.0.0.1", apps.ports["api"]), timeout=30) as other,
    ):
        for sock in (one, other):
            sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        apps.until(lambda: apps.entry("tunnel")["connections"]["waiting"] == 1)
        apps.until(lambda: apps.entry("api")["connections"]["waiting"] == 1)
        sim.kubectl("scale", "-n", namespace, "deploy/web", "--replicas=2")
        for sock in (one, other):
            assert sock.recv(15) == b"HTTP/1.1 200 OK"
