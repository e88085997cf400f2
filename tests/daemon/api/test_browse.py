"""Namespaces and objects over the API, of a simulated cluster and of none."""

from __future__ import annotations

from pathlib import Path

import msgspec

from kfwd.api_model import ObjectsPage
from kfwd.sim import kubeconfig
from kfwd.sim.cluster import Cluster, Options
from tests.daemon.rig import Rig


async def test_a_cluster_is_browsed_with_the_callers_kubeconfig(rig: Rig, tmp_path: Path) -> None:
    sim = Cluster(Options())
    path = tmp_path / "sim"
    kubeconfig.write(path, await sim.start())
    try:
        status, listed = await rig.call("GET", f"/v1/contexts/sim/namespaces?kubeconfig={path}")
        assert (status, listed["current"]) == (200, "demo")
        url = f"http://kfwd/v1/contexts/sim/objects?kubeconfig={path}"
        async with rig.http.get(url) as answer:
            lines = (await answer.read()).splitlines()
        pages = [msgspec.json.decode(line, type=ObjectsPage) for line in lines]
        assert pages[-1].complete
        assert "service/demo/web" in {view.key for page in pages for view in page.objects}
        assert rig.daemon.store.snapshot().contexts == ()
    finally:
        await sim.close()


async def test_a_context_that_is_not_there(rig: Rig) -> None:
    for call in ("namespaces", "objects"):
        status, answer = await rig.call("GET", f"/v1/contexts/none/{call}")
        assert (status, answer["error"]["code"]) == (404, "unknown-context")
