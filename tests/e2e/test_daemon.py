"""The main job on a whole cluster: profile in, bytes through, and what happens to them."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from kfwd.cli import ls
from kfwd.model import EntryView, State
from kfwd.sim import content, pattern
from tests.calm import calm_s
from tests.daemon.process import Process
from tests.e2e.conftest import Sim
from tests.ports import free_port

pytestmark = pytest.mark.e2e

FORWARD = "- {{name: {name}, target: {target}, address: 127.0.0.1, ports: ['{port}:{remote}']}}"


class Session(Process):
    """A daemon for one namespace of the cluster."""

    def __init__(self, root: Path, sim: Sim, namespace: str) -> None:
        super().__init__(root)
        self.sim = sim
        self.namespace = namespace
        self.kubeconfig = str(sim.kubeconfig)
        self.env |= sim.env
        self.ports: dict[str, int] = {}

    def write(self, name: str = "shop", extra: str = "", **forwards: str) -> None:
        """A profile of forwards, NAME="TARGET:REMOTE", each on a free port of its own."""
        lines = ["version: 1", f"namespace: {self.namespace}", *([extra] if extra else [])]
        lines.append("forwards:")
        for key, value in forwards.items():
            target, _, remote = value.partition(":")
            port = self.ports.get(key) or self._new_port()
            self.ports[key] = port
            lines.append(FORWARD.format(name=key, target=target, port=port, remote=remote))
        (self.paths.profiles / f"{name}.yaml").write_text("\n".join(lines) + "\n")

    def _new_port(self) -> int:
        """A free port that no other forward of the session was given."""
        while (port := free_port()) in self.ports.values():
            pass
        return port

    def server(self) -> str:
        """The address of the API server."""
        path = "jsonpath={.clusters[0].cluster.server}"
        return self.sim.kubectl("config", "view", "--minify", "-o", path).stdout

    def view(self, id: str) -> EntryView:
        return next(view for view in self.snapshot().entries if view.id == id)

    def until(self, condition: Callable[[], object], timeout: float = 20.0) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"{self.snapshot().entries}"
            time.sleep(0.02)

    def until_state(self, id: str, state: State, code: str | None = None) -> EntryView:
        def reached() -> bool:
            view = self.view(id)
            return view.state is state and (view.problem.code if view.problem else None) == code

        self.until(reached)
        return self.view(id)

    def get(self, key: str, path: str = "/", timeout: float = 10.0) -> str:
        """The body of a GET through the forward `key`; `ConnectionError` and the like if not."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[key], timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            assert answer.status == 200
            return answer.read().decode("latin-1")
        finally:
            connection.close()

    def pod(self, key: str) -> str:
        """The pod that answers behind the forward `key`."""
        return self.get(key).split()[0].removeprefix("pod=")

    def echo(self, key: str, data: bytes = b"hello") -> bytes:
        with socket.create_connection(("127.0.0.1", self.ports[key]), timeout=10) as sock:
            sock.sendall(data)
            received = b""
            while len(received) < len(data) and (piece := sock.recv(65536)):
                received += piece
            return received


@pytest.fixture
def session(sim: Sim, namespace: str, tmp_path: Path) -> Iterator[Session]:
    session = Session(tmp_path, sim, namespace)
    yield session
    session.close()


@pytest.fixture
def faults(sim: Sim) -> Iterator[Callable[..., Any]]:
    """Change faults of the simulated cluster, for the length of a test."""
    before = sim.admin("GET", "/sim/faults")
    yield sim.faults
    sim.faults(**before)


def test_a_profile_with_three_forwards_carries_bytes_and_ls_has_the_shape(
    session: Session,
) -> None:
    session.write(web="svc/web:http", echo="deploy/web:9000", source="svc/web:9002")
    session.start()
    session.up()
    for key in ("web", "echo", "source"):
        session.until_state(f"shop/{key}", State.READY)
    assert session.get("web", "/bytes/100000") == session.get("web", "/bytes/100000")
    assert session.echo("echo", b"x" * 100_000) == b"x" * 100_000
    view = session.view("shop/web")
    assert (view.via, view.transport, view.namespace) == ("tunnel", "spdy", session.namespace)
    assert (view.ports[0].remote, view.ports[0].port) == ("http", 8080)
    assert len(view.endpoints) == 2
    assert view.connections.total == 2
    assert view.bytes.received > 200_000
    (context,) = session.snapshot().contexts
    assert (context.state, context.transport) == ("ok", "spdy")


def test_after_the_serving_pod_is_deleted_the_next_request_is_answered_within_a_second(
    session: Session, sim: Sim
) -> None:
    session.write(web="svc/web:http")
    session.start()
    session.up()
    serving = session.pod("web")
    sim.kubectl("delete", "pod", serving, "-n", session.namespace, "--wait=false")
    start = calm_s()
    session.get("web")
    assert calm_s() - start < 1
    session.until(lambda: session.pod("web") != serving)


def test_connections_wait_from_the_end_of_the_only_process_to_its_successor(
    session: Session, sim: Sim, faults: Callable[..., Any]
) -> None:
    one = {**content.deployment("one", 1, sim.image), "kind": "StatefulSet"}
    one["spec"]["serviceName"] = "one"
    sim.kubectl("apply", "-n", session.namespace, "-f", "-", input=json.dumps(one))
    sim.kubectl("rollout", "status", "-n", session.namespace, "sts/one", "--timeout=45s")
    faults(sandbox_ms=1500)
    session.write(one="sts/one:8080", echo="sts/one:9000")
    session.start()
    session.up()
    session.until_state("shop/echo", State.READY)
    with socket.create_connection(("127.0.0.1", session.ports["echo"]), timeout=20) as sock:
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"
        sim.kubectl("delete", "pod", "one-0", "-n", session.namespace, "--wait=false", "--now")
        with contextlib.suppress(ConnectionResetError):
            assert sock.recv(1) == b""
    assert session.get("one", timeout=20).startswith("pod=one-0")
    assert session.view("shop/one").connections.failed == 0
    sim.kubectl("delete", "sts", "one", "-n", session.namespace, "--wait=false")


def test_no_request_fails_during_a_rolling_restart(session: Session, sim: Sim) -> None:
    session.write(web="svc/web:http")
    session.start()
    session.up()
    session.until_state("shop/web", State.READY)
    stop, answered, failed = threading.Event(), list[str](), list[str]()

    def ask() -> None:
        while not stop.wait(0.02):
            try:
                answered.append(session.get("web"))
            except (OSError, http.client.HTTPException, AssertionError) as error:
                failed.append(repr(error))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        sim.kubectl("rollout", "restart", "deploy/web", "-n", session.namespace)
        sim.kubectl("rollout", "status", "deploy/web", "-n", session.namespace, "--timeout=40s")
        time.sleep(0.5)
    finally:
        stop.set()
        asking.join()
    assert failed == []
    assert len(answered) > 20
    assert len({answer.split()[0] for answer in answered}) >= 2


def test_killed_and_started_again_it_carries_bytes_on_the_same_ports_within_3_s(
    session: Session,
) -> None:
    session.write(web="svc/web:http", echo="svc/web:echo")
    process = session.start()
    session.up()
    added = session.client.put_entry("free", request(session, 0, "http"))
    session.until_state(added.id, State.READY)
    before = session.view(added.id).ports[0].listen
    session.end(process, signal.SIGKILL)
    session.spawn()
    start = calm_s()
    session.until(session.answers)
    assert session.get("web")
    assert session.echo("echo") == b"hello"
    assert calm_s() - start < 3
    assert session.view(added.id).ports[0].listen == before


def test_what_a_killed_daemon_carried_does_not_look_complete(session: Session) -> None:
    session.write(echo="svc/web:echo")
    process = session.start()
    session.up()
    session.until_state("shop/echo", State.READY)
    with socket.create_connection(("127.0.0.1", session.ports["echo"]), timeout=10) as sock:
        sock.sendall(b"hello")
        assert sock.recv(5, socket.MSG_WAITALL) == b"hello"
        session.end(process, signal.SIGKILL)
        with pytest.raises(ConnectionResetError):
            sock.recv(1)


def request(session: Session, local: int, remote: str, target: str = "svc/web") -> Any:
    from kfwd.api_model import EntryRequest
    from kfwd.model import ForwardSpec, PortSpec

    spec = ForwardSpec(
        name="any",
        target=target,
        ports=(PortSpec(local=local, remote=remote),),
        namespace=session.namespace,
        address=("127.0.0.1",),
    )
    return EntryRequest(spec=spec, kubeconfig=(session.kubeconfig,))


def test_a_saved_file_is_live_within_2_s_and_other_entries_keep_their_connections(
    session: Session,
) -> None:
    session.write(web="svc/web:http", echo="svc/web:echo")
    session.start()
    session.up()
    with socket.create_connection(("127.0.0.1", session.ports["echo"]), timeout=10) as kept:
        kept.sendall(b"before")
        assert kept.recv(6, socket.MSG_WAITALL) == b"before"
        session.write(web="svc/web:http", echo="svc/web:echo", more="svc/web:http")
        start = calm_s()
        session.until(lambda: "shop/more" in [view.id for view in session.snapshot().entries])
        assert session.get("more")
        assert calm_s() - start < 2
        kept.sendall(b"after")
        assert kept.recv(5, socket.MSG_WAITALL) == b"after"


def test_a_service_that_comes_later_serves_those_who_waited(session: Session, sim: Sim) -> None:
    session.write(late="svc/late:80")
    session.start()
    session.up()
    session.until_state("shop/late", State.WAITING, "not-found")
    waiting = socket.create_connection(("127.0.0.1", session.ports["late"]), timeout=20)
    waiting.sendall(b"GET / HTTP/1.0\r\n\r\n")
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "late"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    sim.kubectl("apply", "-n", session.namespace, "-f", "-", input=json.dumps(service))
    with waiting:
        assert waiting.recv(12, socket.MSG_WAITALL).startswith(b"HTTP/1")
    session.until_state("shop/late", State.READY)


def test_a_port_that_the_service_does_not_have_needs_a_person(session: Session) -> None:
    session.write(web="svc/web:https")
    session.start()
    session.up()
    view = session.until_state("shop/web", State.FAILED, "no-such-port")
    assert view.problem is not None
    assert "https" in view.problem.text


def test_rules_that_deny_portforward_are_named_and_the_entry_recovers(
    session: Session, faults: Callable[..., Any]
) -> None:
    faults(forbid=["create pods/portforward", "get pods/portforward"])
    session.write(web="svc/web:http")
    session.start()
    session.up()
    view = session.until_state("shop/web", State.FAILED, "portforward-forbidden")
    assert view.problem is not None
    assert "pods/portforward" in f"{view.problem.text} {view.problem.hint}"
    faults(forbid=[])
    session.until_state("shop/web", State.READY)
    assert session.get("web")


def test_where_lists_are_forbidden_a_pod_is_reached_by_its_name(
    session: Session, sim: Sim, faults: Callable[..., Any]
) -> None:
    found = sim.kubectl("get", "pods", "-n", session.namespace, "-o", "name").stdout.split()
    faults(forbid=["list pods", "watch pods"])
    session.write(pod=f"{found[0]}:8080")
    session.start()
    session.up()
    view = session.until_state("shop/pod", State.READY, "polling")
    assert view.problem is not None
    assert view.problem.severity == "warning"
    assert session.pod("pod") == found[0].removeprefix("pod/")


def test_a_transport_that_the_way_refuses_is_left_for_the_next_and_that_is_remembered(
    session: Session, faults: Callable[..., Any]
) -> None:
    faults(refuse_upgrade=403, refuse_transports=["spdy"])
    session.write(web="svc/web:http")
    session.start()
    session.up()
    assert session.until_state("shop/web", State.READY).transport == "websocket"
    assert session.get("web")
    (known,) = session.saved().transports_known.values()
    assert (known.transport, known.reason) == ("websocket", "spdy: 403 Forbidden")
    (problem,) = session.snapshot().problems
    assert (problem.code, problem.severity, problem.about) == ("transport-refused", "info", "sim")
    assert "spdy: 403 Forbidden" in ls.shown(session.snapshot(), "table", colour=False)


def test_an_api_server_that_goes_down_is_one_problem_and_connections_wait_for_it(
    session: Session, sim: Sim, faults: Callable[..., Any]
) -> None:
    session.write(web="svc/web:http", echo="svc/web:echo")
    session.start()
    session.up()
    session.until_state("shop/web", State.READY)
    faults(api_down=True)
    sim.admin("POST", "/sim/cut", {"how": "reset"})
    session.until(lambda: session.snapshot().contexts[0].state == "unreachable")
    session.until(lambda: [p.about for p in session.snapshot().problems] == ["sim"])
    assert session.view("shop/web").problem is not None
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(session.get("web", timeout=30)))
    asking.start()
    session.until(lambda: session.view("shop/web").connections.waiting == 1)
    faults(api_down=False)
    asking.join(timeout=20)
    assert answers
    assert answers[0].startswith("pod=web-")
    session.until_state("shop/web", State.READY)
    assert session.snapshot().problems == ()


def test_a_login_that_ends_in_the_middle_of_the_day_takes_nothing_down(
    session: Session, sim: Sim, tmp_path: Path, faults: Callable[..., Any]
) -> None:
    token = sim.admin("POST", "/sim/users", {"name": "me", "groups": ["system:masters"]})["token"]
    config = json.loads(sim.kubectl("config", "view", "--raw", "-o", "json").stdout)
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    own = tmp_path / "own"
    own.write_text(json.dumps(config))
    session.kubeconfig = str(own)
    session.write(web="svc/web:http")
    session.start()
    session.up()
    session.until_state("shop/web", State.READY)
    with socket.create_connection(("127.0.0.1", session.ports["web"]), timeout=10) as kept:
        sim.admin("POST", "/sim/revoke", {"token": token})
        faults(watch_gone=True)  # so that something is asked soon
        faults(watch_gone=False)
        session.until(lambda: session.snapshot().contexts[0].state == "login-needed")
        waits = session.until_state("shop/web", State.WAITING, "login-needed")
        assert waits.problem is not None
        assert waits.problem.cause == "sim"
        assert [problem.about for problem in session.snapshot().problems] == ["sim"]
        kept.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert kept.recv(8, socket.MSG_WAITALL) == b"HTTP/1.0"
    fresh = sim.admin("POST", "/sim/users", {"name": "me", "groups": ["system:masters"]})["token"]
    own.write_text(own.read_text().replace(token, fresh))
    session.until_state("shop/web", State.READY)
    assert session.get("web")


def test_a_busy_port_is_taken_over_once_it_is_free(session: Session) -> None:
    session.ports["web"] = free_port()
    with socket.create_server(("127.0.0.1", session.ports["web"])):
        session.write(web="svc/web:http")
        session.start()
        session.up()
        session.until_state("shop/web", State.WAITING, "port-in-use")
        session.until(lambda: f"(pid {os.getpid()})" in f"{session.view('shop/web').problem}")
    session.until_state("shop/web", State.READY)
    assert session.get("web")


def connections_to(pid: int, port: int) -> int:
    """The TCP connections of a process to a remote port (proc(5))."""
    own = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(
        f"socket:[{row[9]}]" in own and row[2].endswith(f":{port:04X}") and row[3] == "01"
        for row in rows
    )


def test_many_forwards_need_as_many_watches_as_one(session: Session, sim: Sim) -> None:
    server = urlsplit(session.server())
    session.write(web0="svc/web:http")
    process = session.start()
    session.up()
    session.until_state("shop/web0", State.READY)
    alone = connections_to(process.pid, server.port or 443)
    session.write(**{f"web{number}": "svc/web:http" for number in range(30)})
    session.until(lambda: len(session.snapshot().entries) == 30)
    for number in range(30):
        session.until_state(f"shop/web{number}", State.READY)
    assert alone >= 3
    assert connections_to(process.pid, server.port or 443) <= alone + 1


def test_much_goes_both_ways_unharmed_in_little_memory(session: Session) -> None:
    session.write(up="svc/web:sha-counted", down="svc/web:source")
    process = session.start()
    session.up()
    for key in ("up", "down"):
        session.until_state(f"shop/{key}", State.READY)
    size = 192 << 20
    with socket.create_connection(("127.0.0.1", session.ports["up"]), timeout=60) as sock:
        sock.sendall(f"{size}\n".encode())
        for block in pattern.blocks(size):
            sock.sendall(block)
        count, digest = sock.makefile().readline().split()
    assert (int(count), digest) == (size, pattern.sha256(size))
    received = hashlib.sha256()
    with socket.create_connection(("127.0.0.1", session.ports["down"]), timeout=60) as sock:
        sock.sendall(f"{size}\n".encode())
        while piece := sock.recv(1 << 20):
            received.update(piece)
    assert received.hexdigest() == pattern.sha256(size)
    status = Path(f"/proc/{process.pid}/status").read_text()
    assert int(status.split("VmHWM:")[1].split()[0]) < 150_000
