"""A cluster for end-to-end tests: a simulated one, or the real one that the environment names.

`KFWD_E2E_KUBECONFIG` is the real one's kubeconfig, `KFWD_E2E_IMAGE` the probe's image there (see
docs/probe.md). What only the simulated one can do is skipped there.
"""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import os
import secrets
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bench import real
from kfwd import yamldoc
from kfwd.sim import content
from kfwd.sim.kubeconfig import EXTENSION

KUBECTL = real.KUBECTL
TEST_S = 600
"""What a test may take on a real cluster, which pulls images and may be far away."""


class Answer(dict[str, Any]):
    """A JSON answer; `status` is the HTTP status."""

    status: int = 0


class Sim:
    """A cluster and how to reach it. `namespace()` gives each test a namespace of its own."""

    def __init__(
        self, kubeconfig: Path, home: Path, image: str, around: Mapping[str, str] | None = None
    ) -> None:
        """`around` is the environment that the cluster's login plugins need."""
        self.kubeconfig = kubeconfig
        self.image = image
        self._home = home
        self._around = around or {}
        # All of one length: they stand in columns of screens.
        self._names = (f"e2e-{secrets.token_hex(2)}-{number:03}" for number in itertools.count(1))
        self._made: list[str] = []

    @property
    def env(self) -> dict[str, str]:
        """The environment of a user of this cluster."""
        return {
            **self._around,
            "PATH": os.environ["PATH"],
            "HOME": str(self._home),
            "KUBECONFIG": str(self.kubeconfig),
        }

    def kubectl(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        check: bool = True,
        input: str | None = None,
        timeout: float = 50,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl to its end; with `check` a failure fails the test with what it said."""
        done = subprocess.run(
            [str(KUBECTL), *args],
            env={**self.env, **(env or {})},
            input=input,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            pytest.fail(f"kubectl {' '.join(args)}: {done.stderr}")
        return done

    def admin(self, method: str, path: str, body: object = None) -> Answer:
        """A request with all rights, past every fault; `/sim/...` and the API alike."""
        cluster = yamldoc.load(self.kubeconfig.read_text())["clusters"][0]["cluster"]  # type: ignore[index]  # a kubeconfig of ours
        extensions = {e["name"]: e["extension"] for e in cluster.get("extensions", ())}
        extension = extensions.get(EXTENSION)
        if extension is None:
            pytest.skip("only a simulated cluster has an admin endpoint")
        ca = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=ca)
        place = urlsplit(extension["admin"])
        connection = http.client.HTTPSConnection(place.netloc, context=context, timeout=20)
        headers = {"Authorization": f"Bearer {extension['token']}"}
        if body is not None:
            patching = method == "PATCH" and not path.startswith("/sim/")
            kind = "merge-patch+json" if patching else "json"
            headers["Content-Type"] = f"application/{kind}"
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, body=text, headers=headers)
            response = connection.getresponse()
            answer = Answer(json.loads(response.read() or b"{}"))
            answer.status = response.status
        finally:
            connection.close()
        return answer

    def faults(self, **settings: object) -> Answer:
        """Change faults, as `PATCH /sim/faults` does."""
        return self.admin("PATCH", "/sim/faults", settings)

    def namespace(self, *, replicas: int = 3) -> str:
        """A fresh namespace with Deployment and Service `web`, ready."""
        name = next(self._names)
        self.kubectl("create", "namespace", name)
        self._made.append(name)
        objects = [
            content.deployment("web", replicas, self.image),
            content.service("web", content.SERVED),
        ]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        self.kubectl("apply", "-n", name, "-f", "-", input=text)
        self.ready(name, "web")
        return name

    def ready(self, namespace: str, deployment: str) -> None:
        """Wait until all pods of a Deployment are; their image may have to be pulled."""
        words = ("rollout", "status", "-n", namespace, f"deploy/{deployment}", "--timeout=300s")
        self.kubectl(*words, timeout=310)

    def forget(self, namespace: str) -> None:
        """Say that a namespace has been deleted already."""
        self._made.remove(namespace)

    def clean(self) -> None:
        if self._made:
            self.kubectl("delete", "namespace", "--wait=false", *self._made)


def simulated(
    folder: Path, *options: str, main: Sequence[str] = ("-m", "kfwd.sim.main")
) -> subprocess.Popen[str]:
    """A simulated cluster in a process of its own, ready; its kubeconfig is `folder`/sim."""
    place = ("--kubeconfig", str(folder / "sim"))
    process = subprocess.Popen(
        [sys.executable, *main, "start", *place, *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    if "ready" not in process.stdout.readline():
        process.kill()
        process.wait()
        pytest.fail("the simulated cluster did not start")
    return process


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items if real.given() else ():
        item.add_marker(pytest.mark.timeout(TEST_S))


simulated_only = pytest.mark.skipif(real.given() is not None, reason="needs the demo's objects")


@pytest.fixture(scope="session")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sim]:
    """The cluster of this test process."""
    folder = tmp_path_factory.mktemp("sim")
    image = os.environ.get("KFWD_E2E_IMAGE", content.IMAGE)
    if given := real.given():
        real.write(given, folder / "real")
        cluster = Sim(folder / "real", Path.home(), image, real.environment())
        yield cluster
        cluster.clean()
        return
    process = simulated(folder)
    try:
        yield Sim(folder / "sim", folder, image)
    finally:
        process.terminate()
        process.wait(timeout=5)
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture(scope="module")
def namespace(sim: Sim, request: pytest.FixtureRequest) -> Iterator[str]:
    """One for all tests of a module, which leave it as it was: `REPLICAS` (2) pods are ready."""
    name = sim.namespace(replicas=getattr(request.module, "REPLICAS", 2))
    yield name
    sim.kubectl("delete", "namespace", name, "--wait=false")
    sim.forget(name)
