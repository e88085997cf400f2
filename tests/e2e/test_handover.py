"""A daemon is replaced under traffic, on a whole cluster."""

from __future__ import annotations

import hashlib
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kfwd.model import State
from kfwd.sim import pattern
from tests.e2e.conftest import Sim
from tests.e2e.test_daemon import Session
from tests.ports import free_port

pytestmark = pytest.mark.e2e

SIZE = 64 * 1024 * 1024
"""More than lies in buffers on the way."""


@pytest.fixture
def session(sim: Sim, tmp_path: Path) -> Iterator[Session]:
    name = sim.namespace(replicas=1)
    session = Session(tmp_path, sim, name)
    yield session
    session.close()
    sim.kubectl("delete", "namespace", name, "--wait=false")
    sim.forget(name)


def test_a_download_ends_on_the_old_daemon_and_the_next_begins_on_the_new_one(
    session: Session,
) -> None:
    session.write(source="svc/web:9002", late="svc/late:80")
    old = session.start()
    session.up()
    session.until_state("shop/source", State.READY)
    with socket.create_connection(("127.0.0.1", session.ports["source"]), timeout=20) as sock:
        sock.sendall(b"%d\n" % SIZE)
        digest = hashlib.sha256(first := sock.recv(65536))
        left = SIZE - len(first)
        new = session.hand_over()
        session.until_state("shop/source", State.READY)
        assert session.snapshot().daemon.pid == new
        with socket.create_connection(("127.0.0.1", session.ports["source"]), timeout=20) as next_:
            next_.sendall(b"3\n")
            assert len(next_.recv(3, socket.MSG_WAITALL)) == 3
        assert old.poll() is None
        while piece := sock.recv(1 << 20):
            digest.update(piece)
            left -= len(piece)
    assert (left, digest.hexdigest()) == (0, pattern.sha256(SIZE))
    assert old.wait(10) == 0


def test_a_new_daemon_that_is_killed_while_the_old_one_finishes_is_replaced_at_once(
    session: Session,
) -> None:
    session.write(source="svc/web:9002")
    old = session.start()
    session.up()
    session.until_state("shop/source", State.READY)
    with socket.create_connection(("127.0.0.1", session.ports["source"]), timeout=20) as sock:
        sock.sendall(b"%d\n" % SIZE)
        left = SIZE - len(sock.recv(65536))
        new = session.hand_over()
        os.kill(new, signal.SIGKILL)
        third = session.start()
        session.until_state("shop/source", State.READY)
        assert session.snapshot().daemon.pid == third.pid
        assert old.poll() is None
        while piece := sock.recv(1 << 20):
            left -= len(piece)
    assert left == 0
    assert old.wait(10) == 0


def test_an_attached_forward_stays_over_a_restart(session: Session) -> None:
    old = session.start()
    port = free_port()
    command = [sys.executable, "-m", "kfwd", "port-forward", "-n", session.namespace]
    command += ["svc/web", f"{port}:9000"]
    with subprocess.Popen(command, env=session.env, stdout=subprocess.PIPE, bufsize=0) as client:
        assert client.stdout is not None
        said = b""

        def told() -> bool:
            """Whether this connection is told of: the client follows the entry."""
            nonlocal said
            before, _ = said.count(b"Handling"), session.echo("echo")
            if select.select([client.stdout], [], [], 0.1)[0]:
                said += os.read(client.stdout.fileno(), 65536)  # type: ignore[union-attr]  # a pipe
            return said.count(b"Handling") > before

        try:
            while b"Forwarding" not in said:
                said += os.read(client.stdout.fileno(), 65536)
            session.ports["echo"] = port
            session.until(told)
            session.hand_over()
            assert old.wait(10) == 0
            session.until(told)
            assert [entry.id for entry in session.snapshot().entries] == ["-/web"]
        finally:
            client.terminate()
    session.until(lambda: session.snapshot().entries == ())
