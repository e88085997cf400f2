"""The demo's few calls to the API, over real TLS."""

from __future__ import annotations

import base64
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from kfwd.demo.cluster import Cluster, rolled_out
from kfwd.errors import KfwdError

PODS = [
    {"metadata": {"name": "web-1"}},
    {"metadata": {"name": "web-2", "deletionTimestamp": "2026-01-01T12:00:00Z"}},
]


class Api(http.server.BaseHTTPRequestHandler):
    asked: list[tuple[str, str, Any]]

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked.append((self.command, self.path, json.loads(body or "null")))
        allowed = self.headers["Authorization"] == "Bearer secret" and "nope" not in self.path
        data = json.dumps({"items": PODS} if allowed else {}).encode()
        self.send_response(200 if allowed else 404)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_DELETE = do_PATCH = _answer  # noqa: N815, RUF100  # the names http.server looks for

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def asked() -> list[tuple[str, str, Any]]:
    return []


@pytest.fixture
def cluster(tmp_path: Path, asked: list[tuple[str, str, Any]]) -> Iterator[Cluster]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = http.server.HTTPServer(("127.0.0.1", 0), type("Handler", (Api,), {"asked": asked}))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    ca = base64.b64encode(authority.cert_pem.bytes()).decode()
    address = f"https://127.0.0.1:{server.server_address[1]}"
    config = {
        "clusters": [{"cluster": {"server": address, "certificate-authority-data": ca}}],
        "users": [{"user": {"client-key": "k"}}, {"user": {"token": "secret"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    try:
        yield Cluster(tmp_path / "kubeconfig")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_pods_being_deleted_count_only_on_request(cluster: Cluster) -> None:
    assert cluster.pods("web") == ["web-1"]
    assert cluster.pods("web", going=True) == ["web-1", "web-2"]


def test_a_pod_is_deleted_by_name(cluster: Cluster, asked: list[tuple[str, str, Any]]) -> None:
    cluster.delete_pod("web-1")
    assert asked == [("DELETE", "/api/v1/namespaces/demo/pods/web-1", None)]


def test_an_answer_that_is_no_success_is_an_error(cluster: Cluster) -> None:
    with pytest.raises(KfwdError, match=r"DELETE .*nope was answered 404"):
        cluster.delete_pod("nope")


@pytest.mark.parametrize(
    ("seen", "counts", "done"),
    [
        (2, (3, 3, 3), True),
        (1, (3, 3, 3), False),
        (2, (4, 3, 3), False),
        (2, (3, 2, 3), False),
        (2, (3, 3, 0), False),
    ],
)
def test_a_rollout_is_over_when_every_replica_is_new_and_available(
    seen: int, counts: tuple[int, int, int], done: bool
) -> None:
    fields = ("replicas", "updatedReplicas", "availableReplicas")
    status = {"observedGeneration": seen, **dict(zip(fields, counts, strict=True))}
    deployment = {"metadata": {"generation": 2}, "spec": {"replicas": 3}, "status": status}
    assert rolled_out(deployment) is done
