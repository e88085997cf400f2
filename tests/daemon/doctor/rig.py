"""A daemon beside a simulated cluster in this process, whose kubeconfig a test spoils."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from kfwd.api_doctor import Diagnosis, DoctorQuery, HopWalked
from kfwd.api_model import EntryRequest, LoginRequest
from kfwd.model import EntrySpec, ForwardSpec, PortSpec, State
from kfwd.sim import kubeconfig
from kfwd.sim.cluster import Cluster, Options
from tests.daemon.rig import Rig, running
from tests.kube.configs import write
from tests.until import until


class Walked:
    """What one examination told."""

    def __init__(self, steps: list[HopWalked], diagnosis: Diagnosis) -> None:
        self.steps = [step for step in steps if step.state != "running"]
        self.diagnosis = diagnosis

    def __getitem__(self, key: tuple[str, str]) -> HopWalked:
        """What came of a hop (its name) of whom."""
        (found,) = [step for step in self.steps if (step.about, step.hop) == key]
        return found

    def states(self, about: str) -> dict[str, str]:
        return {step.hop: step.state for step in self.steps if step.about == about}

    @property
    def first(self) -> tuple[str, str, str | None]:
        """Whose hop is the first that is broken, and the code."""
        found = self.diagnosis.findings[0]
        return found.about, found.hop, found.code


class Examined:
    def __init__(self, rig: Rig, sim: Cluster, document: dict[str, Any]) -> None:
        self.rig = rig
        self.sim = sim
        self.document = document
        self.use("sim")

    def use(self, context: str, **cluster: Any) -> None:
        """Make a context the current one, with another cluster section."""
        changed = msgspec.json.decode(msgspec.json.encode(self.document))
        changed["current-context"] = context
        changed["clusters"][0]["cluster"].update(cluster)
        write(Path(self.rig.kubeconfig), changed)

    def spoil(self, text: str) -> None:
        """Have the kubeconfig say something else altogether."""
        write(Path(self.rig.kubeconfig), text)

    @property
    def sim_port(self) -> int:
        return int(self.document["clusters"][0]["cluster"]["server"].rpartition(":")[2])

    async def log_in(self, context: str, credential: str) -> None:
        """Hand over what a login plugin printed."""
        request = LoginRequest(
            context=context, kubeconfig=(self.rig.kubeconfig,), credential=credential
        )
        await self.rig.daemon.logins.take(request)

    def faults(self, **settings: Any) -> None:
        self.sim.faults.merge(msgspec.json.encode(settings))

    async def add(self, name: str, remote: str = "80", *, local: int = 0, **fields: Any) -> str:
        """Add a forward; its id."""
        ports = (PortSpec(local=local, remote=remote),)
        given = {"target": "svc/web", "address": ("127.0.0.1",), **fields}
        return await self.put(ForwardSpec(name=name, ports=ports, **given))

    async def put(self, spec: EntrySpec) -> str:
        request = EntryRequest(spec=spec, kubeconfig=(self.rig.kubeconfig,))
        return await self.rig.daemon.put(spec.name, "fail", request)

    async def state(self, id: str, state: State) -> None:
        await until(lambda: self.rig.view(id).state is state)

    async def problem(self, id: str) -> None:
        await until(lambda: self.rig.view(id).problem)

    async def walk(self, **query: Any) -> Walked:
        asked = DoctorQuery(**{"kubeconfig": (self.rig.kubeconfig,), **query})
        *steps, last = [event async for event in self.rig.daemon.doctor.examine(asked)]
        assert isinstance(last, Diagnosis)
        assert all(isinstance(step, HopWalked) for step in steps)
        return Walked(steps, last)  # type: ignore[arg-type]  # as has just been checked


@asynccontextmanager
async def examined(
    folder: Path, prepare: Callable[[Cluster], None] = lambda sim: None
) -> AsyncIterator[Examined]:
    """Both for the length of a test."""
    sim = Cluster(Options(ready_s=0))
    access = await sim.start()
    prepare(sim)
    try:
        async with running(folder) as rig:
            yield Examined(rig, sim, kubeconfig.document(access))
    finally:
        await sim.close()
