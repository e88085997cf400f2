"""A cluster browsed from the TUI, against a real daemon."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from kfwd.tui.app import KfwdApp
from kfwd.tui.screens.browse import Browse
from kfwd.tui.screens.forward import Forward
from kfwd.tui.screens.pick import Pick
from kfwd.tui.widgets.find import Find
from tests.e2e.conftest import Sim
from tests.tui.conftest import Place, running
from tests.tui.screen_text import screen, shows
from tests.until import until


def page(pilot: Pilot[None]) -> Browse:
    found = [each for each in pilot.app.screen_stack if isinstance(each, Browse)]
    return found[-1]


def namespace(place: Place) -> str:
    return next(e.namespace for e in place.client.snapshot().entries if e.name == "web")


@asynccontextmanager
async def browsing(place: Place, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[None]]:
    """The objects of the namespace that the profile's entries are in, all of them told."""
    async with running(place, size) as pilot:
        await pilot.press("b")
        await until(lambda: page(pilot).where)
        where = page(pilot).where
        assert where is not None
        page(pilot).go(replace(where, namespace=namespace(place)))
        await until(lambda: page(pilot).shelf.complete, 10)
        await pilot.pause()
        yield pilot


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_whole_screen(place: Place, size: tuple[int, int]) -> None:
    async with browsing(place, size) as pilot:
        await shows(pilot.app, f"browse-{size[0]}x{size[1]}")


async def test_a_resize_loses_no_mark_no_filter_and_no_place(place: Place) -> None:
    async with browsing(place, (120, 40)) as pilot:
        await pilot.press("space", "slash", *"web", "enter")
        before = (set(page(pilot).marks), page(pilot).table.key)
        await pilot.resize_terminal(80, 12)
        await pilot.press("end")
        last = page(pilot).table.key
        await pilot.resize_terminal(200, 60)
        await pilot.pause()
        assert (set(page(pilot).marks), len(before[0])) == (before[0], 1)
        assert page(pilot).table.key == last
        assert "1 marked · filter: web" in screen(pilot.app)


async def test_from_nothing_to_a_forward_in_three_keys(place: Place) -> None:
    async with running(place) as pilot:
        await pilot.press("b")
        await until(lambda: page(pilot).subject, 10)
        subject = page(pilot).subject
        assert subject is not None
        assert subject.kind == "service"
        await pilot.press("enter")
        await until(lambda: isinstance(pilot.app.screen, Forward))
        await pilot.press("enter")
        entries = page(pilot).picture.entries
        await until(
            lambda: any(e.profile == "-" and e.target == subject.target for e in entries.values()),
            10,
        )
        await until(lambda: "● localhost:" in screen(pilot.app), 10)
        assert isinstance(pilot.app.screen, Browse)
    place.client.delete_entry(f"-/{subject.name}")


async def test_what_changes_in_the_cluster_is_shown(place: Place, sim: Sim) -> None:
    async with browsing(place) as pilot:
        where = namespace(place)
        sim.kubectl("create", "service", "clusterip", "extra", "--tcp=80", "-n", where)
        await until(lambda: "extra" in screen(pilot.app), 10)
        sim.kubectl("delete", "service", "extra", "-n", where)
        await until(lambda: "extra" not in screen(pilot.app), 10)


async def test_the_filter_works_as_it_is_typed_and_escape_ends_it(place: Place) -> None:
    async with browsing(place) as pilot:
        await pilot.press("slash", *"deploy")
        assert "deploy/web" in screen(pilot.app)
        assert "pods" not in screen(pilot.app)
        assert "filter: deploy" in screen(pilot.app)
        await pilot.press("enter", "escape")
        assert "pods" in screen(pilot.app)
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, Browse)


async def test_the_cursor_stays_on_its_object(place: Place) -> None:
    async with browsing(place) as pilot:
        await pilot.press("down")
        key = page(pilot).table.key
        assert key == f"deployment/{namespace(place)}/web"
        await pilot.press("slash", *"web")
        assert page(pilot).table.key == key
        await pilot.press("enter", "escape", "end", "slash", *"http")
        assert str(page(pilot).table.key).startswith("pod/")
        page(pilot).query_one(Find).value = "service"
        await until(lambda: page(pilot).table.key == f"service/{namespace(place)}/web")


async def test_another_namespace_is_typed(place: Place) -> None:
    async with browsing(place) as pilot:
        await pilot.press("n")
        await until(lambda: "all namespaces" in screen(pilot.app))
        await pilot.press(*"kube-system", "enter")
        where = page(pilot).where
        assert where is not None
        assert where.namespace == "kube-system"
        await until(lambda: page(pilot).shelf.complete, 10)
        assert "▸ kube-system" in screen(pilot.app)


async def test_all_namespaces_say_which(place: Place) -> None:
    async with browsing(place, (120, 40)) as pilot:
        await pilot.press("n")
        await until(lambda: "all namespaces" in screen(pilot.app))
        await pilot.press("home", *"all n", "enter")
        await until(lambda: page(pilot).shelf.complete, 10)
        assert "demo/db" in screen(pilot.app)


async def test_without_rights_a_namespace_can_be_typed_and_the_reasons_are_shown(
    place: Place,
) -> None:
    async with browsing(place, (120, 40)) as pilot:
        await pilot.press("c")
        await until(lambda: "sim-narrow" in screen(pilot.app))
        await pilot.press(*"narrow", "enter")
        await until(lambda: "services cannot be read: services is forbidden" in screen(pilot.app))
        await pilot.press("slash", *"pod/solo", "enter", "enter")
        await until(lambda: isinstance(pilot.app.screen, Forward))
        await until(lambda: "pod/solo: say a port" in screen(pilot.app))
        await pilot.press("escape", "escape")
        await pilot.press("n")
        await until(lambda: "namespaces is forbidden" in screen(pilot.app))
        await pilot.press(*"shop")
        assert 'look into "shop"' in screen(pilot.app)
        await pilot.press("enter")
        assert not isinstance(pilot.app.screen, Pick)
        await until(lambda: "▸ shop" in screen(pilot.app))


async def test_what_is_no_target_is_neither_marked_nor_forwarded(place: Place, sim: Sim) -> None:
    async with browsing(place) as pilot:
        where = namespace(place)
        name = ("externalname", "alias", "--external-name=example.com", "-n", where)
        sim.kubectl("create", "service", *name)
        key = f"service/{where}/alias"
        await until(lambda: key in page(pilot).shelf.objects, 10)
        page(pilot).table.pick(key)
        await pilot.press("space")
        assert page(pilot).marks == {}
        await until(lambda: "alias cannot be forwarded" in screen(pilot.app))
        page(pilot).table.pick(key)
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, Browse)
        sim.kubectl("delete", "service", "alias", "-n", where)


async def test_an_ingress_is_forwarded_as_the_services_it_leads_to(place: Place) -> None:
    async with running(place) as pilot:
        await pilot.press("b")
        await until(lambda: page(pilot).shelf.complete, 10)
        page(pilot).table.pick("ingress/demo/web")
        await pilot.press("enter")
        await until(lambda: isinstance(pilot.app.screen, Forward))
        await until(lambda: "→ svc/web:http" in screen(pilot.app))


async def test_without_a_kubeconfig_the_reason_is_shown(place: Place) -> None:
    app = KfwdApp({**place.env, "KUBECONFIG": "/nowhere/config"})
    async with app.run_test(size=(80, 24)) as pilot:
        await until(lambda: app.picture.known)
        await pilot.press("b")
        await until(lambda: page(pilot)._contexts or page(pilot)._trouble)
        await pilot.pause()
        await shows(app, "browse-no-kubeconfig-80x24")


async def test_where_the_filter_leaves_nothing_it_is_said(place: Place) -> None:
    async with browsing(place) as pilot:
        await pilot.press("slash", *"zz")
        assert "nothing here with zz" in screen(pilot.app)
        await pilot.press("escape")
        assert "nothing here" not in screen(pilot.app)
        assert isinstance(pilot.app.screen, Browse)


async def test_without_a_daemon_nothing_is_said_to_be_read(nobody: Place) -> None:
    app = KfwdApp(nobody.env)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("b")
        await until(lambda: "no daemon runs that could read what there is" in screen(app))
        assert "no daemon is running - s starts it" in screen(app)
