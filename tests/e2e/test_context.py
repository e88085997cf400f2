"""Entries go from one simulated cluster to another while applications use their ports."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kfwd import yamldoc
from kfwd.sim import content
from tests.e2e.conftest import Sim, simulated
from tests.e2e.test_cli import Shell, fetch, until
from tests.ports import free_port

pytestmark = pytest.mark.e2e


def renamed(kubeconfig: Path, name: str) -> dict[str, Any]:
    """A simulated cluster's kubeconfig with one context, cluster and user, all of that name."""
    document: Any = yamldoc.load(kubeconfig.read_text())
    context = next(c for c in document["contexts"] if c["name"] == document["current-context"])
    for kind, word in (("clusters", "cluster"), ("users", "user")):
        wanted = context["context"][word]
        (found,) = [each for each in document[kind] if each["name"] == wanted]
        document[kind] = [{**found, "name": name}]
        context["context"][word] = name
    document["contexts"] = [{**context, "name": name}]
    return {**document, "current-context": name}


class Two:
    """Two clusters with a namespace `shop` each, and a shell that knows both."""

    def __init__(self, shell: Shell, one: Sim, other: Sim, folder: Path) -> None:
        self.shell, self.one, self.other = shell, one, other
        self.folder = folder

    def profile(self, name: str, text: str) -> None:
        (self.shell.profiles / f"{name}.yaml").write_text(f"version: 1\n{text}")


def deploy(sim: Sim, name: str) -> None:
    objects = [content.deployment(name, 1, sim.image), content.service(name, content.SERVED)]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    sim.kubectl("apply", "-n", "shop", "-f", "-", input=text)
    sim.kubectl("rollout", "status", "-n", "shop", f"deploy/{name}", "--timeout=60s")


@pytest.fixture(scope="module")
def two(sim: Sim, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    sim.admin("GET", "/sim/faults")  # skips where the cluster is a real one
    folder = tmp_path_factory.mktemp("two")
    process = simulated(folder)
    other = Sim(folder / "sim", folder, sim.image)
    try:
        for cluster in (sim, other):
            cluster.kubectl("create", "namespace", "shop")
            deploy(cluster, "web")
        deploy(sim, "only-here")
        files = []
        for name, cluster in (("blue", sim), ("green", other)):
            file = folder / f"{name}.json"
            file.write_text(json.dumps(renamed(cluster.kubeconfig, name)))
            files.append(str(file))
        shell = Shell(sim, "shop", folder / "home")
        shell.env["KUBECONFIG"] = os.pathsep.join(files)
        yield Two(shell, sim, other, folder)
        shell("daemon", "stop")
    finally:
        sim.kubectl("delete", "namespace", "shop", "--wait=false")
        process.terminate()
        process.wait(timeout=5)
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def shell(two: Two) -> Iterator[Shell]:
    two.shell("daemon", "start")
    yield two.shell
    two.shell("down", "--all")


def pods(cluster: Sim) -> str:
    return cluster.kubectl("get", "pods", "-n", "shop", "-o", "name").stdout


def served_by(port: int) -> str:
    """The pod that answers."""
    return fetch(port).split()[0].removeprefix("pod=")


class Echo:
    """A connection to the echo that stays open."""

    def __init__(self, port: int) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), timeout=20)

    def says(self, word: bytes) -> bytes:
        self._sock.sendall(word)
        return self._sock.recv(100)

    def close(self) -> None:
        self._sock.close()


def test_entries_move_on_the_same_ports_and_no_connection_is_refused(
    two: Two, shell: Shell
) -> None:
    web, echo, hoc = free_port(), free_port(), free_port()
    two.profile(
        "move",
        "context: blue\nnamespace: shop\nforwards:\n"
        f'- {{name: web, target: svc/web, ports: ["{web}:http", "{echo}:echo"]}}\n',
    )
    shell("up", "move", "--wait", "20")
    shell("add", "deploy/web", f"{hoc}:8080", "-n", "shop", "--context", "blue", "--wait", "20")
    assert served_by(web) in pods(two.one)
    stays = Echo(echo)
    assert stays.says(b"before") == b"before"

    refused, over = [], threading.Event()

    def knock() -> None:
        while not over.is_set():
            try:
                socket.create_connection(("127.0.0.1", web), timeout=5).close()
            except OSError as error:
                refused.append(error)
            over.wait(0.005)

    knocking = threading.Thread(target=knock)
    knocking.start()
    try:
        plan = shell.json("context", "switch", "blue", "green")
        assert served_by(web) in pods(two.other)
        assert served_by(hoc) in pods(two.other)
    finally:
        over.set()
        knocking.join()
    assert refused == []
    assert {(i["id"], i["action"], i["text"]) for i in plan["items"]} == {
        ("move/web", "change", "context blue -> green"),
        ("-/web", "change", "context blue -> green"),
    }
    assert stays.says(b"after") == b"after"  # the old connection stays in the old cluster
    stays.close()
    assert {entry["context"] for entry in shell.entries().values()} == {"green"}
    until(lambda: {e["state"] for e in shell.entries().values()} == {"ready"})
    until(lambda: [c["name"] for c in shell.json("status")["contexts"]] == ["green"])


def test_connections_end_where_that_is_asked(two: Two, shell: Shell) -> None:
    port = free_port()
    shell("add", "svc/web", f"{port}:echo", "-n", "shop", "--context", "blue", "--wait", "20")
    ends = Echo(port)
    assert ends.says(b"before") == b"before"
    shell("context", "switch", "blue", "green", "--end-connections")
    with pytest.raises(ConnectionResetError):
        ends.says(b"after")
    ends.close()


def test_what_is_not_there_refuses_the_whole_switch(two: Two, shell: Shell) -> None:
    here, only = free_port(), free_port()
    two.profile(
        "part",
        "context: blue\nnamespace: shop\nforwards:\n"
        f'- {{name: here, target: svc/web, ports: ["{here}:http"]}}\n'
        f'- {{name: only, target: svc/only-here, ports: ["{only}:http"]}}\n'
        f'- {{name: port, target: deploy/web, ports: [":nothing"]}}\n'
        f'- {{name: space, target: pod/a, namespace: nowhere, ports: [":80"]}}\n',
    )
    shell("up", "part")
    until(lambda: shell.entries()["part/here"]["state"] == "ready")
    said = shell("context", "switch", "blue", "green", code=4).stderr
    assert "part/only: " in said
    assert "only-here" in said
    assert "part/port: " in said
    assert "part/space: there is no namespace nowhere" in said
    assert len(said.splitlines()) == 2
    assert "part/here" not in said
    assert "hint: nothing was changed" in said
    assert {entry["context"] for entry in shell.entries().values()} == {"blue"}
    assert served_by(here) in pods(two.one)
    assert "no context" in shell("context", "switch", "blue", "red", code=4).stderr
    assert "no entry" in shell("context", "switch", "green", "blue", code=4).stderr


def test_a_switch_lasts_over_a_kill_and_a_reload_until_down(two: Two, shell: Shell) -> None:
    port = free_port()
    text = (
        "context: blue\nnamespace: shop\nforwards:\n"
        f'- {{name: web, target: svc/web, ports: ["{port}:http"]}}\n'
    )
    two.profile("last", text)
    shell("up", "last", "--wait", "20")
    shell("context", "switch", "blue", "green")
    two.profile("last", text.replace("name: web", "name: www"))
    shell("up", "last", "--wait", "20")
    assert shell.entries()["last/www"]["context"] == "green"
    assert [(i["action"], i["text"]) for i in shell.json("plan", "last")["items"]] == [
        ("leave", f"svc/web {port}:http in green")
    ]
    os.kill(shell.json("status")["daemon"]["pid"], signal.SIGKILL)
    until(lambda: "no daemon" in shell("daemon", "status", code=3).stderr)
    shell("daemon", "start")
    assert served_by(port) in pods(two.other)
    shell("down", "last")
    shell("up", "last", "--wait", "20")
    assert shell.entries()["last/www"]["context"] == "blue"


def test_a_proxy_and_a_gateway_go_along(two: Two, shell: Shell) -> None:
    api, app, gate = free_port(), free_port(), free_port()
    two.profile(
        "http",
        "context: blue\nnamespace: shop\nproxies:\n"
        f'- {{name: api, listen: "127.0.0.1:{api}"}}\n'
        f'- {{name: app, target: "svc/web:http", listen: "127.0.0.1:{app}"}}\n'
        f'gateway: {{listen: "127.0.0.1:{gate}"}}\n',
    )
    shell("up", "http", "--wait", "20")

    def through_gateway() -> str:
        with socket.create_connection(("127.0.0.1", gate), timeout=20) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: web.shop.localhost\r\nConnection: close\r\n\r\n")
            return sock.makefile("rb").read().decode().partition("pod=")[2].split()[0]

    assert served_by(app) in pods(two.one)
    assert through_gateway() in pods(two.one)
    shell("context", "switch", "blue", "green")
    assert served_by(app) in pods(two.other)
    assert through_gateway() in pods(two.other)
    names = pods(two.other).split()[0].removeprefix("pod/")
    opener = urllib.request.build_opener()
    with opener.open(f"http://127.0.0.1:{api}/api/v1/namespaces/shop/pods", timeout=20) as answer:
        assert names in answer.read().decode()


def test_contexts_are_listed_with_what_uses_them(shell: Shell) -> None:
    shell("add", "svc/web", ":http", "-n", "shop", "--context", "green", "--wait", "20")
    found = {each["name"]: each for each in shell.json("context", "list")["contexts"]}
    assert set(found) == {"blue", "green"}
    assert (found["blue"]["current"], found["blue"]["in_use"]) == (True, False)
    assert (found["green"]["state"], found["green"]["entries"]) == ("ok", 1)
    assert "not in use" in shell("context", "list").stdout
