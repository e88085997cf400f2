"""Secrets of every kind, through failures of each: none may be found anywhere afterwards."""

from __future__ import annotations

import base64
import http.server
import json
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from kfwd.api_model import EntryRequest, LoginRequest
from kfwd.client import http as control
from kfwd.errors import KfwdError
from kfwd.kube import kubeconfig
from kfwd.kube.cluster import Cluster
from kfwd.model import ForwardSpec, PortSpec
from tests.daemon import process
from tests.daemon.process import Process
from tests.kube.configs import document, exec_credential, exec_user, script, write
from tests.kube.identity_provider import jwt
from tests.kube.servers import Authority

pytestmark = pytest.mark.e2e

MARK = "hunter2"
DEBUG = [process.RUN[0], "-c", process.RUN[2].replace("run()", "run(debug=True)")]
GONE = datetime(2020, 1, 1, tzinfo=UTC)


def base(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


BASIC = base(f"ann:{MARK}-basic")
KEY = f"-----BEGIN PRIVATE KEY-----\n{MARK}key\n-----END PRIVATE KEY-----\n"
TRACES = (MARK, BASIC, base(KEY), base(f"me:{MARK}-proxy"), jwt(GONE, MARK))
"""A secret, or what becomes of one on its way."""


class Nosy(http.server.BaseHTTPRequestHandler):
    """Refuses everybody, and quotes what they sent."""

    def do_GET(self) -> None:
        self._refuse(401, self.headers.get("Authorization", ""))

    do_POST = do_GET

    def do_CONNECT(self) -> None:
        self._refuse(407, self.headers.get("Proxy-Authorization", ""))

    def _refuse(self, code: int, sent: str) -> None:
        said = f"not with this: {sent}"
        body = json.dumps({"kind": "Status", "code": code, "message": said}).encode()
        self.send_response(code, said)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def nosy() -> Iterator[str]:
    """HOST:PORT of one."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Nosy)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def users(folder: Path) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """By the kind of secret: a user, and what is special about their cluster."""
    certificate = base64.b64encode(Authority().client()[0]).decode()
    own = {"env": [{"name": "SECRET", "value": f"{MARK}-env"}], "args": [f"--secret={MARK}-arg"]}
    granting = script(folder / "granting", f"echo '{exec_credential(token=f'{MARK}-exec')}'")
    garbage = script(folder / "garbage", f"echo 'token: {MARK}-out'")
    talking = script(folder / "talking", f"echo 'sent Bearer {MARK}-err' >&2; exit 1")
    broken = exec_credential(token=f"{MARK}-half", clientCertificateData=f"{MARK}-cert")
    halved = script(folder / "halved", f"echo '{broken}'")
    lines = write(folder / "lines", f"{MARK}-one\n{MARK}-two")
    oidc = {
        "idp-issuer-url": "https://127.0.0.1:1",
        "client-id": "kubernetes",
        "client-secret": f"{MARK}-client",
        "refresh-token": f"{MARK}-refresh",
        "id-token": jwt(GONE, MARK),
    }
    https = {"server": "https://127.0.0.1:1"}
    return {
        "token": ({"token": f"{MARK}-token"}, {}),
        "token-file": ({"tokenFile": str(write(folder / "token", f"{MARK}-file"))}, {}),
        "token-lines": ({"tokenFile": str(lines)}, {}),
        "basic": ({"username": "ann", "password": f"{MARK}-basic"}, {}),
        "key": ({"client-certificate-data": certificate, "client-key-data": base(KEY)}, https),
        "exec": (exec_user(granting, **own), {}),
        "exec-garbage": (exec_user(garbage, **own), {}),
        "exec-talking": (exec_user(talking, **own), {}),
        "exec-halved": (exec_user(halved, **own), {}),
        "oidc": ({"auth-provider": {"name": "oidc", "config": oidc}}, {}),
        "gcp": ({"auth-provider": {"name": "gcp", "config": {"access-token": MARK}}}, {}),
        "proxy": ({}, {"proxy-url": f"http://me:{MARK}-proxy@NOSY"}),
        "proxy-away": ({}, {"proxy-url": f"socks5://me:{MARK}-proxy@127.0.0.1:1"}),
    }


def files(folder: Path, nosy: str) -> dict[str, Path]:
    """A kubeconfig for each kind; its context has that name."""
    made = {}
    for kind, (user, special) in users(folder).items():
        cluster = {"server": f"http://{nosy}", **special}
        if "proxy-url" in cluster:
            cluster["proxy-url"] = cluster["proxy-url"].replace("NOSY", nosy)
        made[kind] = write(folder / f"config-{kind}", document(user, cluster, name=kind))
    return made


def found(text: str) -> list[str]:
    """The lines of `text` with a secret."""
    return [line for line in text.splitlines() if any(trace in line for trace in TRACES)]


class Searched(Process):
    """A daemon that logs all it can, and a record of everything it answered."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.answers_: list[str] = []

    def ask(self, method: str, path: str, body: bytes | None = None) -> None:
        """Keep an answer, whatever it is."""
        connection = control.connect(self.paths.socket, 30)
        with control.request(connection, method, path, body) as response:
            head = f"{method} {path} {response.status} {response.headers}"
            if path.startswith("/v1/events"):
                text = next(response.lines()).decode()
            else:
                text = response.read().decode()
        self.answers_.append(f"{head}\n{text}")

    def forward(self, kind: str, file: Path) -> None:
        spec = ForwardSpec(
            name=kind, target="svc/web", namespace="shop", ports=(PortSpec(local=0, remote="80"),)
        )
        request = EntryRequest(spec=spec, kubeconfig=(str(file),), context=kind)
        self.client.put_entry(kind, request)

    def written(self) -> tuple[Path, ...]:
        """The folders of the daemon's own files."""
        return self.paths.state, self.paths.log, self.paths.runtime

    def until_all_failed(self, count: int) -> None:
        deadline = time.monotonic() + 20
        while sum(p.severity == "error" for p in self.snapshot().problems) < count:
            assert time.monotonic() < deadline, self.snapshot().contexts
            time.sleep(0.05)


@pytest.fixture
def searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Searched]:
    monkeypatch.setattr(process, "RUN", DEBUG)
    searched = Searched(tmp_path)
    yield searched
    searched.close()


def test_a_daemon_full_of_secrets_shows_none_of_them(
    searched: Searched, tmp_path: Path, nosy: str
) -> None:
    configs = files(tmp_path, nosy)
    running = searched.start()
    for kind, file in configs.items():
        searched.forward(kind, file)
    searched.until_all_failed(len(configs))
    for kind, file in configs.items():
        place = f"context={kind}&kubeconfig={quote(str(file), safe='')}"
        searched.ask("GET", f"/v1/login?{place}")
        searched.ask("GET", f"/v1/routes?target=svc/web&{place}")
        searched.ask("GET", f"/v1/contexts/{kind}/namespaces?kubeconfig={quote(str(file))}")
        searched.ask("GET", f"/v1/entries/-/{kind}/history")
        searched.ask("GET", f"/v1/entries/-/{kind}/connections")
        for said in (exec_credential(token=f"{MARK}-handed"), f"nonsense {MARK}"):
            request = LoginRequest(context=kind, kubeconfig=(str(file),), credential=said)
            searched.ask("POST", "/v1/login", control_body(request))
    searched.ask("POST", "/v1/login", f'{{"context": 1, "credential": "{MARK}'.encode())
    for file in configs.values():  # the kubeconfigs break while they are in use
        file.write_text(f'users: [{{name: u, user: {{token: "{MARK}')
    deadline = time.monotonic() + 20
    while not any(p.code == "kubeconfig-invalid" for p in searched.snapshot().problems):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for path in ("snapshot", "events", "logs?n=2000", "openapi.json", "plan"):
        searched.ask("GET", f"/v1/{path}")
    searched.ask("GET", "/metrics")
    kfwd = [sys.executable, "-m", "kfwd", "status"]
    status = subprocess.run(
        kfwd, env=searched.env, capture_output=True, text=True, timeout=20, check=True
    )
    running.terminate()
    _, stderr = running.communicate(timeout=10)
    log = searched.paths.log_file.read_text()
    state = searched.paths.state_file.read_text()
    assert "does not accept the login" in status.stdout
    assert len(log.splitlines()) > len(configs)
    assert all(f'"-/{kind}"' in state for kind in configs)
    shown = {"log": log, "state": state, "stderr": stderr, "status": status.stdout}
    shown |= {"answers": "\n".join(searched.answers_)}
    written = [path for folder in searched.written() for path in folder.rglob("*")]
    shown |= {str(p): p.read_bytes().decode("latin-1") for p in written if p.is_file()}
    assert any("history" in place for place in shown)
    assert {place: found(text) for place, text in shown.items() if found(text)} == {}


def control_body(request: LoginRequest) -> bytes:
    return json.dumps(
        {
            "context": request.context,
            "kubeconfig": request.kubeconfig,
            "credential": request.credential,
        }
    ).encode()


async def test_no_traceback_shows_a_secret(tmp_path: Path, nosy: str) -> None:
    for kind, file in files(tmp_path, nosy).items():
        context = kubeconfig.load([file]).context(kind)
        cluster = Cluster(context, {"PATH": "/usr/bin:/bin"})
        try:
            with pytest.raises(KfwdError) as caught:
                await cluster.api.version(timeout=5)
        finally:
            assert await cluster.close() == []
        shown = "".join(traceback.format_exception(caught.value))
        assert caught.value.text in shown
        assert found(shown) == [], kind
        assert found(repr(vars(caught.value))) == [], kind
