"""What is read around a target, with all rights and with few."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfwd.daemon.reach import objects
from kfwd.errors import Forbidden, Unreachable
from kfwd.resolve.target import parse
from tests.daemon.reach.rig import simulated


async def test_everything_around_a_target_is_read(tmp_path: Path) -> None:
    async with simulated(tmp_path) as rig:
        cluster = await rig.context.cluster()
        known = await objects.facts(cluster, parse("deploy/web"), "demo")
        assert known.pods is not None
        assert "solo" in known.pods
        assert known.services is not None
        assert "web" in known.services
        assert len(known.nodes or ()) == 4
        assert "web" in known.workloads["deployments"]
        around = await objects.surroundings(cluster, "demo", ("127.0.0.1:8888",))
        assert around.rules is not None
        assert "foo.bar.com" in around.rules.hosts()
        assert around.gateways == ("127.0.0.1:8888",)


async def test_with_few_rights_a_pod_is_known_and_the_rest_is_not(tmp_path: Path) -> None:
    async with simulated(tmp_path, context="sim-narrow") as rig:
        cluster = await rig.context.cluster()
        known = await objects.facts(cluster, parse("pod/solo"), "demo")
        assert set(known.pods or ()) == {"solo"}
        assert (known.services, known.nodes) == (None, None)
        assert (await objects.surroundings(cluster, "demo", ())).rules is None
        with pytest.raises(Forbidden):
            await objects.facts(cluster, parse("svc/web"), "demo")


async def test_a_cluster_that_is_away_is_an_error(tmp_path: Path) -> None:
    async with simulated(tmp_path) as rig:
        rig.sim.faults.set_text("api_down=true")
        with pytest.raises(Unreachable):
            await objects.facts(await rig.context.cluster(), parse("svc/web"), "demo")
