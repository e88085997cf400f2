"""From one context to another, in the TUI."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from kfwd.tui.app import KfwdApp
from kfwd.tui.screens.switch import Switch
from tests.e2e.conftest import Sim
from tests.tui.conftest import Place, running
from tests.tui.screen_text import screen, shows
from tests.until import until

ONE = """\
namespace: {namespace}
forwards:
- {{name: web, target: svc/web, ports: [":http"]}}
"""


def page(pilot: Pilot[None]) -> Switch:
    assert isinstance(pilot.app.screen, Switch)
    return pilot.app.screen


@asynccontextmanager
async def switching(place: Place, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[None]]:
    """The screen as it is reached from a profile that is up."""
    async with running(place, size) as pilot:
        await pilot.press("p")
        await until(lambda: "plan of shop" in screen(pilot.app))
        await pilot.press("c")
        await until(lambda: page(pilot).goal is not None)
        await pilot.pause()
        yield pilot


async def at(pilot: Pilot[None], name: str) -> None:
    number = next(key for key, each in page(pilot).places.items() if each.name == name)
    page(pilot).table.pick(number)
    await until(lambda: page(pilot).goal and f"→ {name}" in screen(pilot.app))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_whole_screen(place: Place, size: tuple[int, int]) -> None:
    async with switching(place, size) as pilot:
        await shows(pilot.app, f"switch-{size[0]}x{size[1]}")


async def test_what_is_not_there_refuses_and_is_listed(place: Place) -> None:
    async with switching(place) as pilot:
        await at(pilot, "sim-token")
        await pilot.press("enter")
        await until(lambda: "shop/search: there is no svc/search" in screen(pilot.app), 10)
        assert "nothing was changed" in screen(pilot.app)
        assert {entry.context for entry in place.client.snapshot().entries} == {"sim"}
        await at(pilot, "sim-narrow")
        assert "~ change shop/search" in screen(pilot.app)


async def test_all_of_it_goes_on_the_same_ports_and_u_goes_back(sim: Sim, nobody: Place) -> None:
    folder = Path(nobody.env["KFWD_CONFIG_DIR"]) / "profiles"
    folder.mkdir(parents=True)
    (folder / "shop.yaml").write_text(ONE.format(namespace=sim.namespace()))
    nobody.start()
    nobody.client.up(["shop"], [str(sim.kubeconfig)])
    app = KfwdApp(nobody.env)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(lambda: "shop/web" in app.picture.entries)
        await until(lambda: app.picture.entries["shop/web"].ports[0].listen)
        before = app.picture.entries["shop/web"].ports
        await pilot.press("p")
        await until(lambda: "plan of shop" in screen(app))
        await pilot.press("c")
        await until(lambda: page(pilot).goal is not None)
        await pilot.press("E")
        assert "open connections end" in screen(app)
        await at(pilot, "sim-token")
        await pilot.press("enter")
        await until(lambda: app.picture.entries["shop/web"].context == "sim-token", 10)
        await until(lambda: "1 entry went from sim to sim-token" in screen(app))
        assert not isinstance(app.screen, Switch)
        assert app.picture.entries["shop/web"].ports[0].listen == before[0].listen
        await pilot.press("u")
        await until(lambda: app.picture.entries["shop/web"].context == "sim", 10)
