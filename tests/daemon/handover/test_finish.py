"""Open connections end in their own time, or are named and cut."""

from __future__ import annotations

import asyncio

import pytest

from kfwd.daemon.handover.finish import finish
from tests.daemon.rig import Rig


@pytest.fixture
async def port(rig: Rig) -> int:
    assert (await rig.add("web"))[0] == 200
    return rig.port("-/web")


async def connected(rig: Rig, port: int) -> asyncio.StreamWriter:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(5):
        while not rig.daemon.entry("-/web").connections():  # noqa: ASYNC110  # nothing to await
            await asyncio.sleep(0)
    return writer


async def test_without_connections_there_is_nothing_to_wait_for(rig: Rig, port: int) -> None:
    async with asyncio.timeout(1):
        await finish(rig.daemon)


async def test_one_that_does_not_end_in_time_is_named(
    rig: Rig, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    writer = await connected(rig, port)
    host, number = writer.get_extra_info("sockname")
    await finish(rig.daemon, 0.02)
    assert f"cut: the connection of {host}:{number} to 127.0.0.1:{port}" in caplog.text
    writer.close()


async def test_it_ends_with_the_last_connection(
    rig: Rig, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    writer = await connected(rig, port)
    ((_, door),) = rig.daemon.doors()
    asyncio.get_running_loop().call_later(0.02, door.lives[0].cancel)
    async with asyncio.timeout(5):
        await finish(rig.daemon)
    assert "cut" not in caplog.text
    writer.close()


async def test_a_signal_ends_it(rig: Rig, port: int) -> None:
    writer = await connected(rig, port)
    rig.daemon.stopping.set()
    async with asyncio.timeout(5):
        await finish(rig.daemon)
    writer.close()
