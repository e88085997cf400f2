"""Every transport carries the same bytes, whatever stands before the API server."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from kfwd.model import State
from kfwd.sim import pattern
from tests.e2e.conftest import Sim
from tests.e2e.proxies import Proxies, standing
from tests.e2e.test_daemon import Session
from tests.e2e.test_daemon import session as session

pytestmark = pytest.mark.e2e

TRANSPORTS = ("spdy", "websocket", "channels")
KINDS = ("http", "https", "socks5")
SERVED = {"echo": 9000, "source": 9002, "hash": 9006}
CA = "certificate-authority-data"


def as_used(sim: Sim) -> Any:
    """The kubeconfig with nothing but the current context."""
    return json.loads(sim.kubectl("config", "view", "--raw", "--minify", "-o", "json").stdout)


class Ways(Session):
    """A daemon with a context for the straight way and one for each kind of proxy."""

    def __init__(self, root: Path, sim: Sim, namespace: str, proxies: Proxies) -> None:
        super().__init__(root, sim, namespace)
        config = as_used(sim)
        (context,), (cluster,) = config["contexts"], config["clusters"]
        for kind in KINDS:
            url = proxies.urls[kind]
            config["contexts"].append(_named(kind, context, cluster=kind))
            behind = {"proxy-url": url, CA: _both(cluster["cluster"][CA], proxies.authority.pem)}
            config["clusters"].append(_named(kind, cluster, **behind))
        own = root / "own"
        own.write_text(json.dumps(config))
        self.kubeconfig = self.env["KUBECONFIG"] = str(own)
        self.names = (context["name"], *KINDS)
        for name in self.names:
            keys = {f"{name}-{what}": f"svc/web:{port}" for what, port in SERVED.items()}
            self.write(name, f"context: {name}", **keys)


def _named(name: str, record: dict[str, Any], **changes: str) -> dict[str, Any]:
    """One of a kubeconfig's named records under another name, with some keys changed."""
    (kind,) = record.keys() - {"name"}
    return {"name": name, kind: {**record[kind], **changes}}


def _both(ca: str, other: bytes) -> str:
    return base64.b64encode(base64.b64decode(ca) + b"\n" + other).decode()


@pytest.fixture
def proxies(sim: Sim) -> Iterator[Proxies]:
    path = "jsonpath={.clusters[0].cluster.server}"
    server = urlsplit(sim.kubectl("config", "view", "--minify", "-o", path).stdout)
    if server.hostname != "127.0.0.1":
        pytest.skip("these proxies lead to this machine alone")
    with standing(server.port or 443) as proxies:
        yield proxies


@pytest.fixture
def ways(sim: Sim, namespace: str, tmp_path: Path, proxies: Proxies) -> Iterator[Ways]:
    ways = Ways(tmp_path, sim, namespace, proxies)
    yield ways
    ways.close()


@pytest.fixture
def only(sim: Sim) -> Iterator[Callable[[str], None]]:
    """Let one transport through and no other."""
    before = sim.admin("GET", "/sim/faults")

    def let_through(transport: str) -> None:
        others = [each for each in TRANSPORTS if each != transport]
        sim.faults(refuse_upgrade=403, refuse_transports=others)

    yield let_through
    sim.faults(**before)


def asked(session: Session, key: str, question: bytes, size: int = 1 << 30) -> bytes:
    """What a pod answers until it closes, or said so much."""
    with socket.create_connection(("127.0.0.1", session.ports[key]), timeout=10) as sock:
        sock.sendall(question)
        answer = b""
        while len(answer) < size and (piece := sock.recv(1 << 16)):
            answer += piece
    return answer


def carries_bytes(session: Session, name: str) -> None:
    """Down, up, and there and back."""
    source = b"".join(pattern.blocks(700_000))
    assert asked(session, f"{name}-source", b"700000\n", len(source)) == source
    data = bytes(range(256)) * 2500
    hashed = b"%d %s\n" % (len(data), hashlib.sha256(data).hexdigest().encode())
    question = b"%d\n" % len(data) + data
    assert asked(session, f"{name}-hash", question, len(hashed)) == hashed
    assert session.echo(f"{name}-echo", data[:300_000]) == data[:300_000]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_one_transport_that_is_let_through_carries_every_byte_through_every_proxy(
    ways: Ways, proxies: Proxies, only: Callable[[str], None], transport: str
) -> None:
    only(transport)
    ways.start()
    ways.up()
    for name in ways.names:
        for what in SERVED:
            view = ways.until_state(f"{name}/{name}-{what}", State.READY)
            assert (view.transport, view.context) == (transport, name)
        carries_bytes(ways, name)
        assert ways.view(f"{name}/{name}-echo").connections.failed == 0
    assert {each.transport for each in ways.snapshot().contexts} == {transport}
    assert len(proxies.through.asked) > 2 * len(KINDS)


def test_the_environments_proxy_is_used_unless_it_says_not_to(
    session: Session, sim: Sim, tmp_path: Path, proxies: Proxies
) -> None:
    config = as_used(sim)
    cluster = config["clusters"][0]["cluster"]
    cluster["server"], cluster["tls-server-name"] = "https://kube.corp.invalid:6443", "127.0.0.1"
    own = tmp_path / "own"
    own.write_text(json.dumps(config))
    session.kubeconfig = session.env["KUBECONFIG"] = str(own)
    session.write(web="svc/web:http")
    running = session.start(HTTPS_PROXY=proxies.urls["socks5h"])
    session.up()
    session.until_state("shop/web", State.READY)
    assert session.get("web")
    assert set(proxies.through.asked) == {("kube.corp.invalid", 6443)}
    session.end(running)
    before = len(proxies.through.asked)
    session.start(HTTPS_PROXY=proxies.urls["http"], NO_PROXY="intranet,.corp.invalid")
    session.until(lambda: session.snapshot().problems)
    assert session.snapshot().problems[0].code == "dns-failed"
    assert len(proxies.through.asked) == before


def test_channels_say_that_nothing_listens_and_survive_a_deleted_pod(
    session: Session, sim: Sim, only: Callable[[str], None]
) -> None:
    only("channels")
    session.write(web="svc/web:http", nothing="deploy/web:4444")
    session.start()
    session.up()
    session.until_state("shop/nothing", State.READY)
    with pytest.raises(ConnectionResetError):
        asked(session, "nothing", b"x")
    session.until_state("shop/nothing", State.DEGRADED, "port-refused")
    serving = session.pod("web")
    sim.kubectl("delete", "pod", serving, "-n", session.namespace, "--wait=false")
    assert session.pod("web") != serving
