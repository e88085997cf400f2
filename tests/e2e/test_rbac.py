"""The roles in config/rbac are enough for what they promise, and no more."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import yaml

from tests.e2e.conftest import Sim
from tests.ports import free_port

pytestmark = pytest.mark.e2e

ROLES = Path(__file__).parents[2] / "config" / "rbac"
KFWD = str(Path(sys.executable).parent / "kfwd")


class User(msgspec.Struct):
    """Somebody who has one role in one namespace."""

    sim: Sim
    namespace: str
    env: dict[str, str]

    def forward(self, target: str, remote: str = "8080") -> tuple[int, str, str]:
        """Exit status and talk of a forward to the target's port, and what came through it."""
        port = free_port()
        words = ("add", target, f"{port}:{remote}", "-n", self.namespace, "--wait", "10")
        done = subprocess.run(
            [KFWD, *words], env=self.env, capture_output=True, text=True, timeout=40, check=False
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        if done.returncode:
            return done.returncode, done.stderr, ""
        with opener.open(f"http://127.0.0.1:{port}/", timeout=20) as response:
            return 0, done.stderr, response.read().decode()


@pytest.fixture
def user(
    sim: Sim, namespace: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[User]:
    """Who has the role of the file that `request.param` names, and nothing else."""
    role = request.param
    sim.kubectl("apply", "-n", namespace, "-f", str(ROLES / f"{role}.yaml"))
    binding = ("create", "rolebinding", "-n", namespace, role, f"--role=kfwd-{role}")
    sim.kubectl(*binding, f"--user={role}")
    config = yaml.safe_load(sim.kubeconfig.read_text())  # noqa: TID251  # a kubeconfig of ours
    config["users"][0]["user"]["as"] = role
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    places = {f"KFWD_{n}_DIR": str(tmp_path / n) for n in ("CONFIG", "STATE", "LOG", "RUNTIME")}
    env = {**sim.env, **places, "KUBECONFIG": str(tmp_path / "kubeconfig")}
    try:
        yield User(sim, namespace, env)
    finally:
        subprocess.run([KFWD, "daemon", "stop"], env=env, capture_output=True, check=False)


@pytest.mark.parametrize("user", ["forward-pod"], indirect=True)
def test_forward_pod_reaches_a_pod_by_its_name_and_no_service(user: User) -> None:
    pods = user.sim.kubectl("get", "pods", "-n", user.namespace, "-o", "name").stdout.split()
    status, _, text = user.forward(pods[0])
    assert (status, text.split()[0]) == (0, f"pod={pods[0].removeprefix('pod/')}")
    status, talk, _ = user.forward("svc/web", "http")
    assert status != 0
    assert "forbidden" in talk


@pytest.mark.parametrize("user", ["forward"], indirect=True)
def test_forward_reaches_services_workloads_and_selectors_and_sees_changes(user: User) -> None:
    for target, remote in (("svc/web", "http"), ("deploy/web", "8080"), ("app=web", "http")):
        status, talk, text = user.forward(target, remote)
        assert (status, talk.removeprefix("kfwd: started the daemon\n")) == (0, "")
        assert text.startswith("pod=web-")
    listed = subprocess.run([KFWD, "status"], env=user.env, capture_output=True, text=True)
    assert "no problems" in listed.stdout
