"""A simulated cluster, browsed: all there is, what changes, and with few rights."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kfwd.api_model import ObjectView
from kfwd.daemon.reach import browse
from kfwd.daemon.reach.browse import Browser
from kfwd.kube import objects
from kfwd.kube.cluster import Cluster
from kfwd.kube.objects import Kind
from tests.daemon.reach.rig import simulated


async def first_round(browser: Browser) -> dict[str, ObjectView]:
    found: dict[str, ObjectView] = {}
    async for page in browser:
        found |= {view.key: view for view in page.objects}
        if page.complete:
            break
    return found


async def everything(cluster: Cluster, namespace: str | None) -> dict[str, ObjectView]:
    browser = Browser(cluster, namespace, follow=False)
    try:
        return await first_round(browser)
    finally:
        browser.close()


async def test_everything_of_a_namespace(tmp_path: Path) -> None:
    async with simulated(tmp_path) as rig:
        found = await everything(await rig.context.cluster(), "demo")
    web = found["service/demo/web"]
    assert (web.target, web.ready, web.total, web.note) == ("svc/web", 3, 3, "LoadBalancer")
    assert (web.ports[0].name, web.ports[0].number, web.ports[0].target) == ("http", 80, "http")
    assert found["service/demo/empty"].ready == 0
    assert found["pod/demo/solo"].ready == 1
    assert (found["deployment/demo/web"].ready, found["statefulset/demo/db"].total) == (3, 2)
    assert any(view.kind == "ingress" for view in found.values())


async def test_all_namespaces_in_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browse, "PAGE", 3)
    async with simulated(tmp_path) as rig:
        cluster = await rig.context.cluster()
        browser = Browser(cluster, None, follow=False)
        pages = [page async for page in browser]
        browser.close()
    assert all(len(page.objects) <= 3 for page in pages)
    assert [page.complete for page in pages] == [False] * (len(pages) - 1) + [True]
    keys = [view.key for page in pages for view in page.objects]
    assert len(set(keys)) == len(keys)


async def test_a_deleted_pod_is_told_with_its_successor(tmp_path: Path) -> None:
    async with simulated(tmp_path) as rig:
        cluster = await rig.context.cluster()
        browser = Browser(cluster, "demo", follow=True)
        found = await first_round(browser)
        gone = next(key for key in found if key.startswith("pod/demo/web-"))
        await cluster.api.request("DELETE", f"/api/v1/namespaces/demo/pods/{gone[9:]}")
        removed: set[str] = set()
        new: set[str] = set()
        async with asyncio.timeout(20):
            while gone not in removed or not new:
                page = await anext(browser)
                removed.update(page.removed)
                new.update(v.key for v in page.objects if v.kind == "pod" and v.key not in found)
        browser.close()
        assert len(cluster.reflectors) == 0


async def test_services_are_told_of_before_a_long_list_of_pods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browse, "SOON_S", 0.01)
    async with simulated(tmp_path) as rig:
        cluster = await rig.context.cluster()
        gate, listing = asyncio.Event(), cluster.api.list

        async def slow(kind: Kind[Any], *args: Any, **more: Any) -> Any:
            if kind is objects.PODS:
                await gate.wait()
            return await listing(kind, *args, **more)

        monkeypatch.setattr(cluster.api, "list", slow)
        browser = Browser(cluster, "demo", follow=True)
        page = await anext(browser)
        told = {view.kind for view in page.objects}
        assert "service" in told
        assert ("pod" in told, page.complete) == (False, False)
        gate.set()
        async with asyncio.timeout(10):
            while not page.complete:
                page = await anext(browser)
                told |= {view.kind for view in page.objects}
        browser.close()
    assert "pod" in told


async def test_what_may_not_be_read_is_said(tmp_path: Path) -> None:
    async with simulated(tmp_path, context="sim-narrow") as rig:
        cluster = await rig.context.cluster()
        browser = Browser(cluster, "demo", follow=False)
        (page,) = [page async for page in browser]
        browser.close()
        listed = await browse.namespaces(cluster)
    assert page.objects == ()
    assert "cannot list" in page.problems["services"]
    assert (listed.current, listed.namespaces) == ("demo", ("demo",))
    assert "cannot list" in (listed.problem or "")


async def test_namespaces_by_name(tmp_path: Path) -> None:
    async with simulated(tmp_path) as rig:
        listed = await browse.namespaces(await rig.context.cluster())
    assert listed.current == "demo"
    assert {"default", "demo"} <= set(listed.namespaces)
    assert listed.problem is None
