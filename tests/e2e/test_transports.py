"""Every transport carries the same bytes, whatever stands before the API server."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kfwd.model import State
from kfwd.sim import pattern
from tests.e2e.conftest import Sim
from tests.e2e.test_daemon import Session

pytestmark = pytest.mark.e2e

TRANSPORTS = ("spdy", "websocket", "channels")


@pytest.fixture(scope="module")
def namespace(sim: Sim) -> Iterator[str]:
    name = sim.namespace(replicas=2)
    yield name
    sim.kubectl("delete", "namespace", name, "--wait=false")
    sim.forget(name)


@pytest.fixture
def session(sim: Sim, namespace: str, tmp_path: Path) -> Iterator[Session]:
    session = Session(tmp_path, sim, namespace)
    session.write(
        web="svc/web:http", echo="svc/web:9000", source="svc/web:9002", hash="svc/web:9006"
    )
    yield session
    session.close()


@pytest.fixture
def only(sim: Sim) -> Iterator[Callable[[str], None]]:
    """Let one transport through and no other."""
    before = sim.admin("GET", "/sim/faults")

    def let_through(transport: str) -> None:
        others = [each for each in TRANSPORTS if each != transport]
        sim.faults(refuse_upgrade=403, refuse_transports=others)

    yield let_through
    sim.faults(**before)


def asked(session: Session, key: str, question: bytes) -> bytes:
    """Everything that a pod answers until it closes."""
    with socket.create_connection(("127.0.0.1", session.ports[key]), timeout=10) as sock:
        sock.sendall(question)
        answer = b""
        while piece := sock.recv(1 << 16):
            answer += piece
    return answer


def carries_bytes(session: Session) -> None:
    """Down, up, and there and back."""
    assert asked(session, "source", b"3000000\n") == b"".join(pattern.blocks(3_000_000))
    data = bytes(range(256)) * 8000
    told = asked(session, "hash", b"%d\n" % len(data) + data)
    assert told == b"%d %s\n" % (len(data), hashlib.sha256(data).hexdigest().encode())
    assert session.echo("echo", data[:300_000]) == data[:300_000]
    assert session.get("web")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_one_transport_that_is_let_through_carries_every_byte(
    session: Session, only: Callable[[str], None], transport: str
) -> None:
    only(transport)
    session.start()
    session.up()
    for key in session.ports:
        assert session.until_state(f"shop/{key}", State.READY).transport == transport
    carries_bytes(session)
    assert session.snapshot().contexts[0].transport == transport
    assert session.view("shop/echo").connections.failed == 0


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
