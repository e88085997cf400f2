from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kfwd.errors import ConfigError, Unreachable
from kfwd.kube.cluster import Cluster
from kfwd.kube.objects import PODS
from kfwd.model import ContextRef, ContextState
from tests.kube import configs
from tests.kube.scripted import (
    PATIENCE_S,
    ScriptedServer,
    answer,
    cut_off,
    failure,
    listed,
    pod,
    serving,
)
from tests.kube.test_reflector import quick

VERSION = answer(200, {"gitVersion": "v1.36.2"})
UNAUTHORIZED = failure(401, "Unauthorized", "Unauthorized")
LONG = 60.0


@asynccontextmanager
async def cluster_of(server: ScriptedServer, *, check_s: float = LONG) -> AsyncIterator[Cluster]:
    cluster = Cluster(server.context(), {}, check_s=check_s, pace=quick())
    try:
        yield cluster
    finally:
        assert await cluster.close() == []


async def until(cluster: Cluster, holds: Callable[[], object]) -> None:
    changed = asyncio.Event()
    leave = cluster.on_change(changed.set)
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            changed.clear()
            await changed.wait()
    leave()


async def until_state(cluster: Cluster, state: ContextState) -> None:
    await until(cluster, lambda: cluster.state is state)


async def test_a_context_is_unknown_until_its_server_answers() -> None:
    async with serving(version=VERSION) as server, cluster_of(server) as cluster:
        assert cluster.state is ContextState.UNKNOWN
        await until_state(cluster, ContextState.OK)
        assert cluster.problem is None
        assert cluster.latency_ms is not None
        assert (cluster.name, cluster.ref.name) == ("dev", "dev")


async def test_a_dead_server_is_a_problem_that_ends_when_it_is_back() -> None:
    script = {"version": [cut_off, cut_off, VERSION]}
    async with serving(**script) as server, cluster_of(server) as cluster:
        await until_state(cluster, ContextState.UNREACHABLE)
        assert cluster.problem is not None
        assert cluster.problem.code == "connection-lost"
        await until_state(cluster, ContextState.OK)
        assert cluster.problem is None


async def test_a_failed_request_anywhere_is_noticed() -> None:
    script = {"version": VERSION, "list": UNAUTHORIZED}
    async with serving(**script) as server, cluster_of(server) as cluster:
        await until_state(cluster, ContextState.OK)
        with cluster.reflectors.use(PODS, "shop"):
            await until_state(cluster, ContextState.LOGIN_NEEDED)
            assert cluster.problem is not None
            assert cluster.problem.hint == "log in again: kfwd login dev"


async def test_others_may_report_and_change_the_state() -> None:
    async with serving(version=VERSION) as server, cluster_of(server) as cluster:
        await until_state(cluster, ContextState.OK)
        changes: list[ContextState] = []
        cluster.on_change(lambda: changes.append(cluster.state))
        cluster.report(Unreachable("no route", code="connect-failed"))
        cluster.report(Unreachable("no route", code="connect-failed"))
        cluster.report(None)
        assert changes == [ContextState.UNREACHABLE, ContextState.OK]


async def test_a_context_that_is_back_has_its_reflectors_look_again() -> None:
    script = {"version": VERSION, "list": listed(1, pod("a"))}
    async with serving(**script) as server, cluster_of(server) as cluster:
        await until_state(cluster, ContextState.OK)
        with cluster.reflectors.use(PODS, "shop"):
            await server.seen("watch", 1)
            cluster.report(Unreachable("no route"))
            cluster.report(None)
            await server.seen("watch", 2)


async def test_the_check_is_left_out_while_others_are_answered() -> None:
    script = {"version": VERSION, "list": listed(1)}
    async with serving(**script) as server, cluster_of(server, check_s=0.2) as cluster:
        await server.seen("version", 1)
        await until_state(cluster, ContextState.OK)
        for _ in range(10):
            await asyncio.sleep(0.05)
            await cluster.api.list(PODS, "shop")
        assert server.asked.count("version") == 1
        await server.seen("version", 2)


async def test_a_refresh_checks_at_once_and_has_all_look_again() -> None:
    script = {"version": VERSION, "list": listed(1)}
    async with serving(**script) as server, cluster_of(server) as cluster:
        await until_state(cluster, ContextState.OK)
        with cluster.reflectors.use(PODS, "shop"):
            await server.seen("watch", 1)
            cluster.refresh()
            await server.seen("watch", 2)
            await server.seen("version", 2)


async def test_a_server_that_answers_only_errors_is_not_reached() -> None:
    page = answer(502, b"<html><title>Bad Gateway</title>", "text/html")
    async with serving(version=page) as server, cluster_of(server) as cluster:
        await until_state(cluster, ContextState.UNREACHABLE)
        assert cluster.problem is not None
        assert cluster.problem.code == "not-kubernetes"
        assert '"Bad Gateway"' in cluster.problem.text


async def test_no_right_to_anything_is_told() -> None:
    script = {"version": failure(403, 'User "system:anonymous" cannot get path "/version"')}
    async with serving(**script) as server, cluster_of(server) as cluster:
        await until_state(cluster, ContextState.FORBIDDEN)


async def test_a_context_is_opened_from_its_kubeconfig(tmp_path: Path) -> None:
    async with serving(version=VERSION) as server:
        url = f"http://127.0.0.1:{server.http.port}"
        content = configs.document(user={"token": "t"}, cluster={"server": url})
        path = configs.write(tmp_path / "config", content)
        ref = ContextRef(kubeconfig=(str(path),), name="dev")
        cluster = await Cluster.open(ref, {})
        await until_state(cluster, ContextState.OK)
        assert server.requests[0].headers["Authorization"] == "Bearer t"
        assert cluster.ref == ref
        assert cluster.login_expires is None
        await cluster.close()


async def test_an_unknown_context_is_told(tmp_path: Path) -> None:
    path = configs.write(tmp_path / "config", configs.document())
    with pytest.raises(ConfigError) as caught:
        await Cluster.open(ContextRef(kubeconfig=(str(path),), name="nosuch"), {})
    assert caught.value.code == "unknown-context"
