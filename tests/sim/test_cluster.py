from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kfwd.errors import UsageError
from kfwd.sim.cluster import Cluster, Options
from kfwd.sim.controllers.pods import is_ready


@contextlib.asynccontextmanager
async def running(options: Options) -> AsyncIterator[Cluster]:
    cluster = Cluster(options)
    try:
        await cluster.start()
        yield cluster
    finally:
        await cluster.close()


async def test_the_demo_is_ready_when_the_cluster_answers() -> None:
    async with running(Options()) as cluster:
        pods = cluster.store.objects("pods", "demo")
        assert [p["metadata"]["name"].split("-")[0] for p in pods] == [
            "db",
            "db",
            "edge",
            "far",
            "solo",
            "web",
            "web",
            "web",
        ]
        assert all(map(is_ready, pods))
        web = cluster.store.get("deployments", "demo", "web")
        assert web is not None
        assert web["status"]["availableReplicas"] == 3
        assert len(cluster.store.objects("nodes")) == 4


async def test_a_manifest_replaces_the_demo_and_its_nodes_the_nodes(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(
        "apiVersion: v1\nkind: Node\nmetadata: {name: only}\nspec: {}\n"
        "status: {addresses: [{type: InternalIP, address: 127.0.0.99}]}\n---\n"
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
        "spec: {containers: [{name: c, image: i}]}\n"
    )
    async with running(Options(manifest=path)) as cluster:
        assert [n["metadata"]["name"] for n in cluster.store.objects("nodes")] == ["only"]
        [pod] = cluster.store.objects("pods")
        assert pod["status"]["hostIP"] == "127.0.0.99"


async def test_faults_hold_from_the_start_and_unknown_ones_are_refused() -> None:
    assert Cluster(Options(faults=("latency_ms=20",))).faults.now.latency_ms == 20
    with pytest.raises(ValueError, match="no such fault"):
        Cluster(Options(faults=("nonsense=1",)))


async def test_a_bad_manifest_leaves_nothing_running(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text("kind: Nonsense\n")
    cluster = Cluster(Options(manifest=path))
    with pytest.raises(UsageError):
        await cluster.start()
    await cluster.close()


async def test_closing_is_quick_with_pods_and_watches_open() -> None:
    cluster = Cluster(Options())
    await cluster.start()
    begun = asyncio.get_running_loop().time()
    watcher = cluster.store.watch("pods", cluster.store.version, lambda _: True)
    await cluster.close()
    assert await watcher.next() is None
    assert asyncio.get_running_loop().time() - begun < 1


async def fetch(address: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(address, port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    try:
        return (await reader.read()).rpartition(b"\r\n")[2]
    finally:
        writer.close()
        await writer.wait_closed()


async def test_clusters_side_by_side_answer_at_nodes_of_their_own() -> None:
    async with running(Options()) as first, running(Options()) as second:
        nodes = [
            [node["status"]["addresses"][0]["address"] for node in cluster.store.objects("nodes")]
            for cluster in (first, second)
        ]
        assert not set(nodes[0]) & set(nodes[1])
        for cluster, addresses in zip((first, second), nodes, strict=True):
            web = cluster.store.get("services", "demo", "web")
            assert web is not None
            port = web["spec"]["ports"][0]["nodePort"]
            for address in addresses:
                assert (await fetch(address, port)).startswith(b"pod=web-")


async def test_the_net_of_the_nodes_can_be_chosen() -> None:
    net = f"127.{100 + os.getpid() % 100}.10"
    async with running(Options(node_net=net)) as cluster:
        pods = cluster.store.objects("pods", "demo")
        hosts = {pod["status"]["hostIP"] for pod in pods}
        assert hosts == {f"{net}.1{number}" for number in range(1, 5)}
        [edge] = [pod for pod in pods if pod["spec"].get("hostNetwork")]
        assert edge["status"]["podIP"] == edge["status"]["hostIP"]
        assert (await fetch(edge["status"]["hostIP"], 8080)).startswith(b"pod=edge-")


async def test_what_pods_log_can_be_kept_beyond_their_end(tmp_path: Path) -> None:
    file = tmp_path / "pods.log"
    file.write_text("of before\n")
    async with running(Options(pod_logs=file)):
        pass
    lines = file.read_text().splitlines()
    assert lines[0] == "of before"
    assert "probe solo is listening" in lines
