"""The gateway before a whole cluster: its documented commands, rules, streams and large bodies."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.conftest import Sim, simulated_only
from tests.e2e.gateway_rig import GatewayRig, gateway

pytestmark = pytest.mark.e2e

DOCS = Path(__file__).parents[2] / "docs" / "gateway.md"
BLOCKS = re.findall(r"^```sh\n(.*?)^```", DOCS.read_text(), re.MULTILINE | re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]
LARGE = 1 << 30


@pytest.fixture(scope="module")
def rig(sim: Sim, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayRig]:
    with gateway(sim, tmp_path_factory.mktemp("gateway")) as rig:
        yield rig


@simulated_only
@pytest.mark.skipif(
    shutil.which("curl") is None and "CI" not in os.environ, reason="there is no curl"
)
@pytest.mark.parametrize("command", COMMANDS)
def test_each_documented_command_works(rig: GatewayRig, command: str) -> None:
    written = command.replace("8888", str(rig.port))
    name, *words = shlex.split(written)
    assert name == "curl"
    done = subprocess.run(
        [name, "-sS", "--fail", "--max-time", "20", *words],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(("pod=web-", '{"Host": "web.demo'))


def test_the_fan_out_of_one_host_to_two_services_is_served(rig: GatewayRig) -> None:
    host = f"{rig.namespace}.bar.com"
    rig.fan_out(host)
    for path, service in (("/foo", "service1"), ("/foo/deeper", "service1"), ("/bar", "service2")):
        status, body = rig.get(host, path)
        assert (status, body.partition("-")[0]) == (200, f"pod={service}")
        assert f" path=/ host={host}" in body
    assert rig.get(host, "/other")[0] == 404
    rig.sim.kubectl("delete", "-n", rig.namespace, "service/service2")
    deadline = time.monotonic() + 10
    while (answer := rig.get(host, "/bar"))[0] == 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert answer[0] == 503
    assert f"there is no svc/service2 in namespace {rig.namespace}" in answer[1]


def test_no_request_fails_while_the_pods_are_replaced(rig: GatewayRig) -> None:
    rig.sim.kubectl("rollout", "restart", "-n", rig.namespace, "deploy/web")
    watch = subprocess.Popen(
        ["kubectl", "rollout", "status", "-n", rig.namespace, "deploy/web"],
        env=rig.shell.env,
        stdout=subprocess.DEVNULL,
    )
    pods = set()
    while watch.poll() is None:
        status, body = rig.get(rig.web)
        assert status == 200, body
        pods.add(body.partition(" ")[0])
        time.sleep(0.02)
    assert watch.returncode == 0
    assert len(pods) > 1


async def test_websockets_streams_and_uploads_pass(rig: GatewayRig) -> None:
    url = f"http://127.0.0.1:{rig.port}"
    async with aiohttp.ClientSession(headers={"Host": rig.web}) as session:
        async with session.ws_connect(f"{url}/ws") as socket:
            await socket.send_str("hello")
            assert (await socket.receive(5)).data == "hello"
        async with session.get(f"{url}/sse") as stream, asyncio.timeout(5):
            assert await stream.content.readline()  # it comes before the stream ends
        body = os.urandom(1 << 20)
        async with session.post(f"{url}/sha", data=body) as answer:
            assert await answer.text() == f"{len(body)} {hashlib.sha256(body).hexdigest()}\n"


async def test_large_bodies_are_never_held(rig: GatewayRig) -> None:
    pid = int(re.findall(r"pid (\d+)", rig.shell("daemon", "status").stdout)[0])
    before, count = _peak_kb(pid), 0
    url = f"http://127.0.0.1:{rig.port}"
    async with aiohttp.ClientSession(headers={"Host": rig.web}) as session:
        async with session.get(f"{url}/bytes/{LARGE}") as answer:
            async for piece in answer.content.iter_any():
                count += len(piece)
        assert count == LARGE
        async with session.post(f"{url}/sha", data=_pieces(LARGE)) as answer:
            assert (await answer.text()).startswith(f"{LARGE} ")
    assert _peak_kb(pid) - before < 32 * 1024


async def _pieces(size: int) -> AsyncIterator[bytes]:
    piece = bytes(1 << 18)
    for _ in range(size // len(piece)):
        yield piece


def _peak_kb(pid: int) -> int:
    """The most memory that a process has ever had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])


def test_the_entry_is_shown_like_any_other(rig: GatewayRig) -> None:
    assert rig.get(rig.web)[0] == 200
    entry = rig.entry
    assert (entry["kind"], entry["state"], entry["via"]) == ("gateway", "ready", "tunnel")
    assert (entry["target"], entry["ports"][0]["remote"]) == (None, None)
    assert entry["connections"]["total"] > 0
    assert rig.requests()
