"""The app as a whole: what it loads, help, undo, leaving."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from kfwd.tui.app import KfwdApp
from tests.tui.conftest import Place, folders, running
from tests.tui.screen_text import screen
from tests.until import until

DAEMON = {"daemon", "entries", "proxy", "front", "tunnel", "kube", "wire", "cli", "sim", "demo"}


def loaded(modules: str) -> set[str]:
    """The parts of kfwd that the named modules belong to."""
    names = set(modules.split()) - {"kfwd.kube", "kfwd.kube.objects"}  # how a target is read
    return {name.split(".")[1] for name in names if name.startswith("kfwd.")}


def test_the_tui_loads_nothing_of_the_daemon() -> None:
    code = (
        "import sys, pkgutil, importlib, kfwd.tui as tui;"
        "found = pkgutil.walk_packages(tui.__path__, 'kfwd.tui.');"
        "[importlib.import_module(module.name) for module in found];"
        "print(*[name for name in sys.modules if name.startswith('kfwd.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded(done.stdout) & DAEMON == set()


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


async def test_q_leaves_and_waits_for_no_call(place: Place) -> None:
    gate = threading.Event()
    async with running(place) as pilot:
        assert isinstance(pilot.app, KfwdApp)
        pilot.app.calls.start(lambda: gate.wait(30))
        await pilot.press("q")
        await until(lambda: not pilot.app.is_running)
    assert [thread.name for thread in threading.enumerate()].count("call") > 0
    gate.set()


WALK = """
import asyncio, os, sys
from kfwd.tui.app import KfwdApp
from kfwd.tui import places

async def walk():
    app = KfwdApp(os.environ)
    async with app.run_test(size=(300, 90)) as pilot:
        for place in places.PLACES:
            await app.push_screen(place.open("dev/web"))
            await pilot.resize_terminal(20, 6)
            await pilot.press("question_mark", "escape")
            await pilot.resize_terminal(300, 90)
            await pilot.press("escape")

asyncio.run(walk())
print(*sys.modules)
"""


def test_no_screen_in_use_at_any_size_loads_anything_of_the_daemon(tmp_path: Path) -> None:
    env = {**os.environ, **folders(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", WALK], capture_output=True, text=True, check=True, env=env
    )
    assert loaded(done.stdout) & DAEMON == set()
    assert "kfwd.tui.screens.routes" in done.stdout.split()


async def test_a_sentence_with_brackets_is_shown_as_it_is(place: Place) -> None:
    async with running(place) as pilot:
        assert isinstance(pilot.app, KfwdApp)
        pilot.app.say("[bold]no[/bold] such port", bad=True)
        await until(lambda: "[bold]no[/bold] such port" in screen(pilot.app))


STUCK = """
import asyncio, queue
from kfwd.tui import app
class Stuck:
    def exit(self, return_code): pass
    async def run_async(self):
        full = queue.Queue(1)
        full.put(1)
        print("stuck", flush=True)
        full.put(2)
app.LEAVE_S = 0.1
asyncio.run(app._attended(Stuck()))
"""


def test_a_terminal_that_takes_nothing_any_more_does_not_keep_the_process() -> None:
    """Textual hands what it writes to a thread by a queue that is full then."""
    process = subprocess.Popen([sys.executable, "-c", STUCK], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "stuck\n"
        process.send_signal(signal.SIGHUP)
        assert process.wait(10) == 128 + signal.SIGHUP
