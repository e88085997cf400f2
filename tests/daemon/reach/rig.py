"""A simulated cluster in this process, and a context that leads to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from kfwd.daemon.reach import limits
from kfwd.daemon.shared_context import SharedContext
from kfwd.model import ContextRef
from kfwd.sim import kubeconfig
from kfwd.sim.cluster import Cluster, Options

LOOPBACK = limits.read("127.0.0.0/8,::1/128")


class Rig:
    """The demo's cluster and a way into it."""

    def __init__(self, sim: Cluster, context: SharedContext) -> None:
        self.sim = sim
        self.context = context


@asynccontextmanager
async def simulated(
    folder: Path, *, context: str = "sim", options: Options | None = None
) -> AsyncIterator[Rig]:
    """One for the length of a test."""
    sim = Cluster(options or Options())
    access = await sim.start()
    path = folder / "kubeconfig"
    kubeconfig.write(path, access)
    ref = ContextRef(kubeconfig=(str(path),), name=context)
    shared = SharedContext(ref, {}, known=None, learned=lambda known: None)
    try:
        yield Rig(sim, shared)
    finally:
        assert await shared.close() == []
        await sim.close()
