"""Whether something listens on a pod's port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from kfwd.daemon.reach.knock import knock
from kfwd.errors import NotFound
from kfwd.kube.objects import PODS
from tests.daemon.reach.rig import Rig, simulated


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with simulated(tmp_path) as rig:
        await rig.context.cluster()
        yield rig


@pytest.mark.parametrize(
    ("transport", "refused"), [("spdy", []), ("channels", ["spdy", "websocket"])]
)
async def test_a_port_that_is_open_one_that_is_not_and_a_pod_that_is_not_there(
    rig: Rig, transport: str, refused: list[str]
) -> None:
    if refused:
        rig.sim.faults.merge(
            msgspec.json.encode({"refuse_upgrade": 400, "refuse_transports": refused})
        )
    cluster = await rig.context.cluster()
    with cluster.reflectors.use(PODS, "demo") as pods:
        await pods.ready()
        pod = next(name for name in pods.objects if name.startswith("web-"))
    found = await knock(rig.context, "demo", pod, 8080, 2.0)
    assert (found.refusal, found.transport) == (None, transport)
    assert found.latency_ms > 0
    refused = await knock(rig.context, "demo", pod, 8081, 2.0)
    assert refused.refusal == "nothing listens on port 8081"
    with pytest.raises(NotFound):
        await knock(rig.context, "demo", "none", 80, 2.0)
