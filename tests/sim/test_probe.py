"""The life of a probe: start, SIGTERM, SIGKILL, and running by itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from kfwd.sim.probe import PORTS, Probe
from tests.sim.clients import connect

OFFSET = 10_000 + os.getpid() % 10_000
"""Another for every test process: several may run on one machine."""


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[Probe]:
    probe = Probe("p")
    await probe.start()
    try:
        yield probe
    finally:
        await probe.kill()


async def test_every_port_of_the_design_listens() -> None:
    async with running() as probe:
        assert sorted(probe.ports) == [8080, 9000, 9001, 9002, 9004, 9005, 9006]
        for port in probe.ports.values():
            async with connect(port):
                pass


async def test_draining_waits_for_the_open_request_and_serves_others_meanwhile() -> None:
    async with running() as probe, aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{probe.ports[8080]}"
        async with connect(probe.ports[9001]) as upload:
            upload.writer.write(b"12345")
            await asyncio.sleep(0.02)
            drained = asyncio.gather(probe.drain())
            async with http.get(url) as answer:
                assert answer.status == 200
                assert answer.headers["Connection"] == "close"
            assert not drained.done()
            upload.writer.write_eof()
            assert await upload.reader.read() == b"5\n"
            await drained
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", probe.ports[9000])
    await asyncio.sleep(0)


async def test_an_idle_echo_connection_does_not_hold_the_probe_up() -> None:
    async with running() as probe, connect(probe.ports[9000]) as echo:
        echo.writer.write(b"a")
        assert await echo.reader.readexactly(1) == b"a"
        await probe.drain()


async def test_a_kill_closes_every_connection() -> None:
    async with (
        running() as probe,
        connect(probe.ports[9000]) as echo,
        connect(probe.ports[8080]) as http,
    ):
        http.writer.write(b"GET /slow?ms=60000 HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.sleep(0.02)
        await probe.kill()
        assert await echo.reader.read() == b""
        assert await http.reader.read() == b""


async def test_a_port_that_is_taken_leaves_nothing_behind() -> None:
    async with running() as probe:
        second = Probe("q", ports={9006: probe.ports[9006]})
        with pytest.raises(OSError, match="in use"):
            await second.start()


async def test_by_itself_it_listens_on_its_real_ports_and_ends_on_sigterm() -> None:
    """The real ports plus an offset, so that a machine where 8080 is taken passes too."""
    command = [sys.executable, "-m", "kfwd.sim.probe", "--offset", str(OFFSET)]
    process = await asyncio.create_subprocess_exec(*command)
    try:
        async with asyncio.timeout(20):
            while not await answers(PORTS[-1] + OFFSET):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_an_image_needs_only_the_probes_own_modules_and_aiohttp() -> None:
    code = "import sys, kfwd.sim.probe; print(*(n for n in sys.modules if n.startswith('kfwd')))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(run.stdout.split()) == {
        "kfwd",
        "kfwd.sim",
        "kfwd.sim.pattern",
        "kfwd.sim.podlog",
        "kfwd.sim.probe",
        "kfwd.sim.probe_http",
        "kfwd.sim.probe_tcp",
    }


async def answers(port: int) -> bool:
    try:
        async with connect(port):
            return True
    except ConnectionRefusedError:
        return False


def test_its_image_holds_all_that_it_imports() -> None:
    root = Path(__file__).parents[2]
    files = re.findall(r"kfwd/\S+\.py", (root / "config/probe/Dockerfile").read_text())
    text = "".join((root / file).read_text() for file in files)
    wanted = re.findall(r"^from (kfwd[.\w]+) import", text, re.MULTILINE)
    assert {f"{name.replace('.', '/')}.py" for name in wanted} <= set(files)
