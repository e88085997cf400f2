"""A cluster, a user and a daemon for pictures: the same names, ports and troubles every time."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kfwd.sim import content
from tests.e2e.conftest import Sim, simulated
from tests.tui.conftest import Place, folders

FOLDER = Path(tempfile.gettempdir()) / "kfwd-screens"
EXPIRED = "the SSO session has expired: run `aws sso login --profile prod`"
PROFILES = {
    "shop": """\
version: 1
context: dev
namespace: shop
forwards:
  - {name: web, target: svc/web, ports: ["8080:http"]}
  - {name: postgres, target: sts/db, ports: ["5432:echo"]}
  - {name: cache, target: deploy/cache, ports: ["6379"]}
  - {name: search, target: svc/search, ports: ["9200"]}
proxies:
  - {name: api, listen: "127.0.0.1:8001", requests: true}
""",
    "monitoring": """\
version: 1
context: dev
namespace: monitoring
forwards:
  - {name: grafana, target: svc/grafana, ports: ["3000:http"]}
  - {name: prometheus, target: svc/prometheus, ports: ["9090:http"]}
""",
    "billing": """\
version: 1
context: prod
namespace: billing
forwards:
  - {name: invoices, target: svc/invoices, ports: ["7000:http"]}
  - {name: ledger, target: svc/ledger, ports: ["7001:http"]}
""",
}
# The names of pods end at random.
SEEDED = """
import random, secrets, sys
secrets.choice = random.Random(1).choice
from kfwd.sim.main import main
sys.exit(main(sys.argv[1:]))
"""
OPTIONS = ("--manifest", str(FOLDER / "objects.json"), "--port", "6443")
ASKED = ("/version", "/api/v1/namespaces/shop/pods?limit=500", "/apis/apps/v1", "/nope", "/readyz")


def _app(name: str, namespace: str, replicas: int, **ports: int) -> list[dict[str, Any]]:
    objects = [content.deployment(name, replicas), content.service(name, ports)]
    return [_in(namespace, each) for each in objects]


def _in(namespace: str, thing: dict[str, Any]) -> dict[str, Any]:
    thing["metadata"]["namespace"] = namespace
    return thing


def objects() -> list[dict[str, Any]]:
    names = ("shop", "monitoring")
    spaces = [{"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": n}} for n in names]
    db = content.deployment("db", 1) | {"kind": "StatefulSet"}
    db["spec"]["serviceName"] = "db"
    return [
        *spaces,
        *_app("web", "shop", 3, http=80),
        *_app("cache", "shop", 1, echo=6379),
        *_app("payments", "shop", 2, http=80, echo=9090),
        _in("shop", content.ingress("payments", "pay.example.com", "/")),
        *(_in("shop", each) for each in (db, content.service("db", {"echo": 5432}, headless=True))),
        _in("shop", content.service("search", {"http": 9200})),
        *_app("grafana", "monitoring", 1, http=80),
        *_app("prometheus", "monitoring", 2, http=80),
    ]


@contextmanager
def scene() -> Iterator[Place]:
    """All of it, as processes, under `FOLDER`; everything in it is as it will stay."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(mode=0o700)
    (FOLDER / "objects.json").write_text(json.dumps({"kind": "List", "items": objects()}))
    process = simulated(FOLDER, *OPTIONS, main=("-c", SEEDED))
    try:
        place = _user(Sim(FOLDER / "sim", FOLDER, content.IMAGE))
        try:
            place.start()
            place.client.up([*PROFILES], [place.env["KUBECONFIG"]])
            yield place
        finally:
            place.stop()
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(FOLDER)


def _user(sim: Sim) -> Place:
    """With the contexts `dev`, which works, and `prod`, which needs a login."""
    config = json.loads(sim.kubectl("config", "view", "--raw", "-o", "json").stdout)
    plugin = FOLDER / "aws"
    plugin.write_text(f"#!/bin/sh\necho '{EXPIRED}' >&2\nexit 255\n")
    plugin.chmod(0o700)
    exec_ = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}
    config["users"].append({"name": "prod", "user": {"exec": exec_ | {"interactiveMode": "Never"}}})
    config["contexts"] = [
        {"name": name, "context": {"cluster": "sim", "namespace": space, "user": user}}
        for name, space, user in (("dev", "shop", "sim"), ("prod", "billing", "prod"))
    ]
    config["current-context"] = "dev"
    kubeconfig = FOLDER / "config"
    kubeconfig.write_text(json.dumps(config))
    place = Place({**sim.env, **folders(FOLDER / "kfwd"), "KUBECONFIG": str(kubeconfig)})
    profiles = FOLDER / "kfwd" / "config" / "profiles"
    profiles.mkdir(parents=True)
    for name, text in PROFILES.items():
        (profiles / f"{name}.yaml").write_text(text)
    return place


def knock(port: int) -> None:
    """A connection that finds out whether somebody listens behind a forward."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as app:
        app.sendall(b"hello")
        app.recv(1)


def ask() -> None:
    """What the proxy notes."""
    for path in ASKED:
        connection = http.client.HTTPConnection("127.0.0.1", 8001, timeout=10)
        connection.request("GET", path)
        connection.getresponse().read()
        connection.close()


@contextmanager
def traffic() -> Iterator[None]:
    """Downloads through `web`, and one connection of `postgres` that stays open."""
    ended = threading.Event()
    thread = threading.Thread(target=_download, args=(ended,))
    thread.start()
    try:
        with socket.create_connection(("127.0.0.1", 5432), 5):
            yield
    finally:
        ended.set()
        thread.join()


def _download(ended: threading.Event) -> None:
    sizes = (40, 160, 90, 300, 220, 120)
    for size in sizes * 1000:
        if ended.wait(0.1):
            return
        connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=10)
        with suppress(OSError, http.client.HTTPException):
            connection.request("GET", f"/bytes/{size * 1000}")
            connection.getresponse().read()
        connection.close()
