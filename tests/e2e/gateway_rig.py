"""A daemon with a gateway before a whole cluster."""

from __future__ import annotations

import http.client
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kfwd.sim import content
from tests.e2e.conftest import Sim
from tests.e2e.test_cli import Shell
from tests.ports import free_port

INGRESS = Path(__file__).parents[2] / "config" / "examples" / "ingress.yaml"


class GatewayRig:
    """`namespace` has service `web` with two pods."""

    def __init__(self, sim: Sim, namespace: str, shell: Shell, port: int) -> None:
        self.sim, self.namespace, self.shell, self.port = sim, namespace, shell, port
        self.web = f"web.{namespace}.localhost:{port}"

    def get(self, host: str, path: str = "/", **headers: str) -> tuple[int, str]:
        """Status and text of a page of the gateway's."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path, headers={"Host": host, **headers})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def fan_out(self, host: str) -> None:
        """Have an Ingress lead `host` to two more services, ready."""
        text = INGRESS.read_text().replace("foo.bar.com", host)
        text = text.replace(content.IMAGE, self.sim.image)
        self.sim.kubectl("apply", "-n", self.namespace, "-f", "-", input=text)
        for name in ("service1", "service2"):
            self.sim.ready(self.namespace, name)

    def requests(self) -> str:
        return self.shell("logs", "dev/gateway", "--requests").stdout

    @property
    def entry(self) -> Any:
        return self.shell.entries()["dev/gateway"]


@contextmanager
def gateway(sim: Sim, home: Path) -> Iterator[GatewayRig]:
    """The rig, until it is not needed any more."""
    namespace = sim.namespace(replicas=2)
    shell = Shell(sim, namespace, home)
    port = free_port()
    text = f"namespace: {namespace}\ngateway: {{listen: 127.0.0.1:{port}, requests: true}}\n"
    (shell.profiles / "dev.yaml").write_text(f"version: 1\n{text}")
    try:
        shell("up", "--wait", "15")
        yield GatewayRig(sim, namespace, shell, port)
    finally:
        subprocess.run(["kfwd", "daemon", "stop"], env=shell.env, capture_output=True, check=False)
        sim.kubectl("delete", "namespace", namespace, "--wait=false")
        sim.forget(namespace)
