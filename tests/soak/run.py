"""A soak: every measurement, one after the other, on processes of their own."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from msgspec import Struct

from tests.chaos.windows import CERT
from tests.chaos.world import World
from tests.ports import free_port
from tests.soak.figures import Figure
from tests.soak.isolation import Ports, isolation
from tests.soak.restart import restart
from tests.soak.rotation import rotation
from tests.soak.short import refusals, short

REFUSED = "- {{name: nothing, target: deploy/web, address: 127.0.0.1, ports: ['{port}:4444']}}"


class Extent(Struct, frozen=True, kw_only=True):
    """How much of everything. `least` is the part of their speed that others must keep, if they are
    to be judged by it; the minute that a daemon waits for its last connection is waited for if
    `patient`."""

    windows: int = 5
    window_s: float = 5.0
    least: float | None = 0.8
    connections: int = 100_000
    refusals: int = 200
    slow_s: float = 1.0
    patient: bool = True
    turns: int = 5
    age_s: float = 4.0


async def run(extent: Extent) -> AsyncIterator[Figure]:
    """The figures as they come."""
    with tempfile.TemporaryDirectory(prefix="kfwd-soak-") as folder:
        world = await asyncio.to_thread(World, Path(folder))
        try:
            await asyncio.to_thread(world.start)
            async for figure in _measured(world, extent):
                yield figure
        finally:
            await asyncio.to_thread(world.close)
    for figure in await rotation(extent.turns, extent.age_s):
        yield figure


async def _measured(world: World, extent: Extent) -> AsyncIterator[Figure]:
    refused = free_port()
    text = world.profile_text(CERT, REFUSED.format(port=refused))
    world.profile(CERT).write_text(text)
    await asyncio.to_thread(world.daemon.up, CERT)
    source, web, echo = (world.ports[CERT, name] for name in ("source", "web", "echo"))
    ports = Ports(source=source, web=web, echo=echo)
    for figure in await isolation(ports, world, extent.windows, extent.window_s, extent.least):
        yield figure
    for figure in await refusals(extent.refusals, refused, echo, extent.slow_s):
        yield figure
    for figure in await restart(echo, world.restart_daemon, extent.patient):
        yield figure
    world.sim.faults(half_close_ms=20)  # else each would take the second that containerd waits
    for figure in await short(extent.connections, source, echo, world.usage, world.at_rest):
        yield figure
