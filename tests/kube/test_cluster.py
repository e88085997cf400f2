from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from kfwd.backoff import Backoff
from kfwd.errors import LoginNeeded, Unreachable
from kfwd.kube import credentials as credentials_module
from kfwd.kube import patience
from kfwd.kube.cluster import Cluster
from kfwd.kube.credentials import Credential, Credentials
from kfwd.kube.grant import Grant
from kfwd.kube.kubeconfig import User
from kfwd.kube.objects import PODS
from kfwd.kube.reflector import Pace
from kfwd.model import ContextState
from tests.kube.configs import context as context_of
from tests.kube.configs import exec_credential, exec_user, script
from tests.kube.scripted import (
    PATIENCE_S,
    ScriptedServer,
    answer,
    cut_off,
    event,
    events,
    failure,
    listed,
    pod,
    serving,
)
from tests.kube.test_reflector import quick

VERSION = answer(200, {"gitVersion": "v1.36.2"})
UNAUTHORIZED = failure(401, "Unauthorized", "Unauthorized")
NEWS = events(event("ADDED", pod("new", 11)), stay=True)
LONG = 60.0


@asynccontextmanager
async def cluster_of(server: ScriptedServer, *, check_s: float = LONG) -> AsyncIterator[Cluster]:
    cluster = Cluster(server.context(), {}, check_s=check_s, pace=quick())
    try:
        yield cluster
    finally:
        assert await cluster.close() == []


def user_of(folder: Path, user: dict[str, Any]) -> User:
    return context_of(folder, user).user


async def until(
    subscribe: Callable[[Callable[[], None]], Callable[[], None]], holds: Callable[[], object]
) -> None:
    changed = asyncio.Event()
    leave = subscribe(changed.set)
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            changed.clear()
            await changed.wait()
    leave()


async def until_state(cluster: Cluster, state: ContextState) -> None:
    await until(cluster.on_change, lambda: cluster.state is state)


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
            assert 'a new token for user "me"' in (cluster.problem.hint or "")


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
    script = {"version": VERSION, "list": listed(1), "watch": NEWS}
    async with serving(**script) as server, cluster_of(server) as cluster:
        await until_state(cluster, ContextState.OK)
        with cluster.reflectors.use(PODS, "shop") as pods:
            await until(pods.subscribe, lambda: pods.objects)
            cluster.report(Unreachable("no route"))
            cluster.report(None)
            await server.seen("watch", 2)


async def test_what_was_asked_while_it_was_away_is_asked_again_once_it_is_back() -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(LONG)
        return web.Response()

    script = {"version": VERSION, "list": [silent, listed(1)], "watch": NEWS}
    async with serving(**script) as server, cluster_of(server) as cluster:
        await until_state(cluster, ContextState.OK)
        cluster.report(Unreachable("no route"))
        with cluster.reflectors.use(PODS, "shop") as pods:
            await server.seen("list", 1)
            cluster.report(None)
            await until(pods.subscribe, lambda: pods.objects)


NEVER = Pace(backoff=lambda: Backoff(first=LONG, cap=LONG, uniform=lambda low, high: high))


@pytest.mark.parametrize("asked", ["list", "watch"])
@pytest.mark.parametrize("first", ["renewal", "refusal"])
async def test_what_was_asked_with_an_old_token_is_asked_with_the_new_one(
    asked: str, first: str, tmp_path: Path
) -> None:
    refused, token = asyncio.Event(), tmp_path / "token"
    token.write_text("old")

    async def late(request: web.Request) -> web.StreamResponse:
        if request.headers["Authorization"] == "Bearer new":
            return await (NEWS if asked == "watch" else listed(1, pod("new")))(request)
        await refused.wait()
        return await UNAUTHORIZED(request)

    script = {"version": VERSION, "list": listed(1), "watch": NEWS, asked: late}
    async with serving(**script) as server:
        user = User(name="me", token_file=token)
        context = msgspec.structs.replace(server.context(), user=user)
        cluster = Cluster(context, {}, check_s=LONG, pace=NEVER)
        try:
            with cluster.reflectors.use(PODS, "shop") as pods:
                await server.seen(asked)
                if first == "refusal":
                    refused.set()
                    await until_state(cluster, ContextState.LOGIN_NEEDED)
                token.write_text("new")
                cluster.reread()
                refused.set()
                await until(pods.subscribe, lambda: pods.objects and pods.problem is None)
                await until_state(cluster, ContextState.OK)
        finally:
            assert await cluster.close() == []


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
    script = {"version": VERSION, "list": listed(1), "watch": NEWS}
    async with serving(**script) as server, cluster_of(server) as cluster:
        await until_state(cluster, ContextState.OK)
        with cluster.reflectors.use(PODS, "shop") as pods:
            await until(pods.subscribe, lambda: pods.objects)
            cluster.refresh()
            await server.seen("watch", 2)
            await server.seen("version", 2)


async def test_a_way_that_changed_starts_the_back_offs_again() -> None:
    script = {"version": VERSION, "list": failure(500, "boom")}
    async with serving(**script) as server, cluster_of(server) as cluster:
        await until_state(cluster, ContextState.OK)
        with cluster.reflectors.use(PODS, "shop") as pods:
            await pods.ready()
            for _ in range(20):
                cluster._backoff.failed(0.0)
            server.on("list", listed(1, pod("a")))
            cluster.way_changed()
            assert cluster._backoff.failures == 0
            await until(pods.subscribe, lambda: pods.objects)
            await server.seen("version", 2)


async def test_a_plugin_that_failed_is_asked_again_without_anybody_asking_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials_module, "RETRY_FIRST_S", 0.2)
    said = exec_credential(token="secret")
    login = script(tmp_path / "login", f"[ -e {tmp_path}/in ] && echo '{said}' || exit 1")
    async with serving(version=VERSION) as server:
        context = msgspec.structs.replace(
            server.context(), user=user_of(tmp_path, exec_user(login))
        )
        cluster = Cluster(context, {"PATH": os.environ["PATH"]}, check_s=LONG, pace=quick())
        try:
            await until_state(cluster, ContextState.LOGIN_NEEDED)
            assert cluster.problem is not None
            assert cluster.problem.hint == "run `kfwd login dev`"
            (tmp_path / "in").touch()
            await until_state(cluster, ContextState.OK)
        finally:
            assert await cluster.close() == []


async def test_a_plugin_that_takes_long_is_told_until_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "FIRST_S", 0.05)
    said = exec_credential(token="secret")
    waits = f"until [ -e {tmp_path}/in ]; do sleep 0.05; done; echo '{said}'"
    async with serving(version=VERSION) as server:
        user = user_of(tmp_path, exec_user(script(tmp_path / "login", waits)))
        context = msgspec.structs.replace(server.context(), user=user)
        cluster = Cluster(context, {"PATH": os.environ["PATH"]}, check_s=LONG, pace=quick())
        try:
            await until(cluster.on_change, lambda: cluster.problem)
            first = cluster.problem
            assert first is not None
            assert (first.code, first.hint) == ("login-running", "run `kfwd login dev`")
            assert first.text == f"the login plugin {tmp_path}/login has been running for 0.05 s"
            await until(cluster.on_change, lambda: cluster.problem != first)
            assert cluster.problem is not None
            assert cluster.problem.since == first.since
            assert cluster.state is ContextState.UNKNOWN
            (tmp_path / "in").touch()
            await until_state(cluster, ContextState.OK)
            assert cluster.problem is None
        finally:
            assert await cluster.close() == []


async def test_a_login_made_elsewhere_is_used_at_once(tmp_path: Path) -> None:
    async with serving(version=VERSION) as server:
        user = user_of(tmp_path, exec_user(script(tmp_path / "login", "exit 1")))
        context = msgspec.structs.replace(server.context(), user=user)
        cluster = Cluster(context, {"PATH": os.environ["PATH"]}, check_s=LONG, pace=quick())
        try:
            await until_state(cluster, ContextState.LOGIN_NEEDED)
            await cluster.log_in(Grant(token="given"))
            assert cluster.state is ContextState.OK
            (request,) = server.asking("version")
            assert request.headers["Authorization"] == "Bearer given"
        finally:
            assert await cluster.close() == []


async def test_a_login_that_the_server_refuses_says_so() -> None:
    async with serving(version=UNAUTHORIZED) as server, cluster_of(server) as cluster:
        with pytest.raises(LoginNeeded, match="does not accept the login"):
            await cluster.log_in(Grant(token="given"))
        assert cluster.state is ContextState.LOGIN_NEEDED


async def test_a_login_for_a_server_that_is_away_is_kept() -> None:
    async with serving(version=cut_off) as server, cluster_of(server) as cluster:
        await cluster.log_in(Grant(token="given"))
        server.on("version", VERSION)
        cluster.refresh()
        await until_state(cluster, ContextState.OK)
        assert server.asking("version")[-1].headers["Authorization"] == "Bearer given"


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


async def test_a_login_that_is_renewed_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(version=VERSION) as server, cluster_of(server) as cluster:
        await until_state(cluster, ContextState.OK)
        assert cluster.login_expires is None
        told: list[datetime | None] = []
        cluster.on_change(lambda: told.append(cluster.login_expires))
        until = datetime(2040, 1, 1, tzinfo=UTC)
        renewed = Credential(headers=CIMultiDictProxy(CIMultiDict()), tag=7, expires=until)
        monkeypatch.setattr(Credentials, "current", property(lambda _: renewed))
        cluster.report(None)
        cluster.report(None)
        assert told == [until]
