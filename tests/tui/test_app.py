"""The app as a whole: what it loads, help, undo, leaving."""

from __future__ import annotations

import subprocess
import sys

from kfwd.tui.app import KfwdApp
from tests.tui.conftest import Place, running
from tests.tui.screen_text import screen
from tests.until import until


def test_the_tui_loads_nothing_of_the_daemon() -> None:
    code = (
        "import sys, pkgutil, importlib, kfwd.tui as tui;"
        "found = pkgutil.walk_packages(tui.__path__, 'kfwd.tui.');"
        "[importlib.import_module(module.name) for module in found];"
        "print(*[name for name in sys.modules if name.startswith('kfwd.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = set(done.stdout.split()) - {"kfwd.kube", "kfwd.kube.objects"}  # how a target is read
    loaded = {name.split(".")[1] for name in names}
    assert loaded & {"daemon", "entries", "proxy", "front", "tunnel", "kube", "wire"} == set()
    assert loaded & {"cli", "sim", "demo"} == set()


async def test_undo_is_a_key_only_while_there_is_something_to_undo(place: Place) -> None:
    async with running(place) as pilot:
        app = pilot.app
        assert isinstance(app, KfwdApp)
        done: list[str] = []
        assert not app.check_action("undo", ())
        app.offer_undo("removed web", lambda: done.append("web"))
        await until(lambda: "removed web - u brings it back" in screen(app))
        await pilot.press("u")
        assert done == ["web"]
        assert not app.check_action("undo", ())


async def test_q_leaves(place: Place) -> None:
    async with running(place) as pilot:
        await pilot.press("q")
        await until(lambda: not pilot.app.is_running)


async def test_a_sentence_with_brackets_is_shown_as_it_is(place: Place) -> None:
    async with running(place) as pilot:
        assert isinstance(pilot.app, KfwdApp)
        pilot.app.say("[bold]no[/bold] such port", bad=True)
        await until(lambda: "[bold]no[/bold] such port" in screen(pilot.app))
