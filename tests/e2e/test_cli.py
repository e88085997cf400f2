"""The command line as people use it, with a real daemon and a whole cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Sim
from tests.ports import free_port

pytestmark = pytest.mark.e2e

SCRIPTS = Path(sys.executable).parent


class Shell:
    """A person's shell: their cluster, their folders."""

    def __init__(self, sim: Sim, namespace: str, home: Path) -> None:
        self.namespace = namespace
        self.profiles = home / "config" / "profiles"
        self.profiles.mkdir(parents=True)
        folders = {f"KFWD_{n}_DIR": str(home / n.lower()) for n in ("CONFIG", "STATE", "LOG")}
        self.env = {**sim.env, **folders, "KFWD_RUNTIME_DIR": str(home / "run")}
        self.env["PATH"] = f"{SCRIPTS}:{self.env['PATH']}"

    def __call__(self, *args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["kfwd", *args], env=self.env, capture_output=True, text=True, timeout=40, check=False
        )
        assert done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def json(self, *args: str) -> Any:
        return json.loads(self(*args, "-o", "json").stdout)

    def entries(self) -> dict[str, Any]:
        return {entry["id"]: entry for entry in self.json("ls")["entries"]}

    @contextmanager
    def running(self, *args: str, program: str = "kfwd") -> Iterator[subprocess.Popen[str]]:
        """A command that goes on, ended with Ctrl-C."""
        process = subprocess.Popen(
            [program, *args],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)


def fetch(port: int | str) -> str:
    """A page through a local port."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/", timeout=20) as response:
        text: str = response.read().decode()
        return text


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def shell(sim: Sim, namespace: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    shell = Shell(sim, namespace, tmp_path_factory.mktemp("cli"))
    yield shell
    subprocess.run(["kfwd", "daemon", "stop"], env=shell.env, capture_output=True, check=False)


@pytest.fixture
def daemon(shell: Shell) -> Iterator[Shell]:
    """A shell whose daemon runs and has nothing to do."""
    shell("daemon", "start")
    yield shell
    shell("down", "--all")
    for path in shell.profiles.iterdir():
        path.unlink()


def test_up_starts_a_daemon_and_down_frees_the_ports(shell: Shell) -> None:
    port = free_port()
    (shell.profiles / "shop.yaml").write_text(
        f"namespace: {shell.namespace}\nforwards:\n"
        f"- {{name: web, target: svc/web, ports: '{port}:http'}}\n"
    )
    shell("daemon", "status", code=3)
    assert "kfwd: started the daemon" in shell("up", "--wait", "20").stderr
    assert fetch(port).startswith("pod=web-")
    assert shell.entries()["shop/web"]["state"] == "ready"
    assert shell.json("status")["contexts"][0]["state"] == "ok"
    (item,) = shell.json("plan", "shop")["items"]
    assert (item["id"], item["action"]) == ("shop/web", "leave")
    shell("down", "shop")
    assert shell.entries() == {}
    with pytest.raises(OSError, match="refused"):
        fetch(port)
    assert "stopped" in shell("daemon", "stop").stdout
    shell("ls", code=3)


def test_an_ad_hoc_forward_from_add_to_rm(daemon: Shell) -> None:
    port = str(free_port())
    web = ("svc/web", "-n", daemon.namespace)
    assert f"localhost:{port} -> svc/web http" in daemon("add", *web, f"{port}:http").stdout
    daemon("add", *web, ":http", "--wait", "20")
    daemon("wait", "web", "-/web-2")
    assert set(daemon.entries()) == {"-/web", "-/web-2"}
    daemon("pause", "web")
    assert daemon.entries()["-/web"]["state"] == "paused"
    daemon("resume", "-/web")
    daemon("restart", "-/web-2")
    daemon("wait", "web", "web-2")
    assert fetch(port).startswith("pod=web-")
    assert "-/web: ready" in daemon("events", "web").stdout
    assert "-/web" in daemon("logs", "web").stdout
    daemon("rm", "web", "web-2")
    daemon("rm", "web", code=4)


def test_add_can_save_in_a_profile(daemon: Shell) -> None:
    path = daemon.profiles / "mine.yaml"
    path.write_text(f"namespace: {daemon.namespace}  # kept\n")
    daemon("add", "svc/web", ":http", "--save", "mine", "--wait", "20")
    assert path.read_text().startswith(f"namespace: {daemon.namespace}  # kept\nforwards:\n")
    assert daemon.entries()["mine/web"]["state"] == "ready"
    daemon("rm", "web", code=2)


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("svc/none", ":http", "--wait", "1"), 6, "svc/none"),
        (("svc/web", ":80", "--context", "none"), 4, 'no context "none"'),
        (("svc/web", ":nope", "--wait", "1"), 6, "nope"),
        (("thing/web", ":80"), 2, "unknown kind"),
    ],
)
def test_what_is_wrong_is_named_with_its_exit_status(
    daemon: Shell, args: tuple[str, ...], code: int, words: str
) -> None:
    said = daemon("add", "-n", daemon.namespace, *args, code=code).stderr
    assert said.startswith("kfwd: ")
    assert words in said


def test_a_profile_with_faults_changes_nothing(daemon: Shell) -> None:
    (daemon.profiles / "bad.yaml").write_text("version: 1\nfowards: []\n")
    said = daemon("up", "bad", code=5).stderr
    assert (
        f'{daemon.profiles}/bad.yaml:2:1: unknown key "fowards" (did you mean "forwards"?)' in said
    )


def test_port_forward_says_and_does_what_kubectl_does(daemon: Shell) -> None:
    port = free_port()
    said = []
    for program in ("kubectl", "kfwd"):
        args = ("port-forward", "-n", daemon.namespace, "svc/web", f"{port}:http")
        with daemon.running(*args, program=program) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(2)]
            assert fetch(port).startswith("pod=web-")
            lines.append(process.stdout.readline())
            process.send_signal(signal.SIGINT)
            said.append((lines, process.wait(20)))
    assert said[0] == said[1]


def test_port_forward_outlives_the_pod_and_its_entry_ends_with_it(daemon: Shell, sim: Sim) -> None:
    port = free_port()
    args = ("port-forward", "-n", daemon.namespace, "deploy/web", f"{port}:8080")
    with daemon.running(*args) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert set(daemon.entries()) == {"-/web"}
        before = fetch(port)
        pod = before.split()[0].removeprefix("pod=")
        sim.kubectl("delete", "pod", "-n", daemon.namespace, pod, "--wait=false")
        until(lambda: fetch(port).split()[0] != before.split()[0])
        process.kill()
        until(lambda: daemon.entries() == {})


def test_port_forward_has_its_free_port_again_after_the_daemon_died(daemon: Shell) -> None:
    args = ("port-forward", "-n", daemon.namespace, "svc/web", ":http")
    with daemon.running(*args) as process:
        assert process.stdout is not None
        port = process.stdout.readline().split(" -> ")[0].rpartition(":")[2]
        os.kill(daemon.json("daemon", "status")["pid"], signal.SIGKILL)
        daemon("daemon", "start")
        until(lambda: daemon.entries())
        daemon("wait", "web")
        assert fetch(port).startswith("pod=web-")


def test_it_is_a_plugin_of_kubectl(daemon: Shell) -> None:
    args = ["kubectl", "kfwd", "ls", "--bogus"]
    done = subprocess.run(args, env=daemon.env, capture_output=True, text=True, check=False)
    assert "hint: kubectl kfwd ls --help" in done.stderr


def test_watching_ends_with_ctrl_c(daemon: Shell) -> None:
    with daemon.running("ls", "--watch", "-o", "json") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["entries"] == []
        daemon("add", "svc/web", ":http", "-n", daemon.namespace)
        assert json.loads(process.stdout.readline())["entries"][0]["id"] == "-/web"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
