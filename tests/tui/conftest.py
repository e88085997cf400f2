"""A daemon of its own on the cluster of this test process, for the TUI to attach to."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import pytest
from textual.pilot import Pilot

from kfwd.client.calls import Client
from kfwd.tui.app import KfwdApp
from kfwd.tui.screens.overview import Overview
from tests.e2e.conftest import Sim
from tests.e2e.conftest import sim as sim
from tests.tui.screen_text import screen
from tests.until import until

PROFILE = """\
version: 1
namespace: {namespace}
forwards:
  - {{name: web, target: svc/web, ports: [":http"]}}
  - {{name: echo, target: deploy/web, ports: [":9000"]}}
  - {{name: search, target: svc/search, ports: [":9200"]}}
"""
START_S = 20.0


class Place:
    """A user's folders with a daemon that has the profile `shop` up."""

    def __init__(self, env: dict[str, str]) -> None:
        self.env = env
        self.client = Client([Path(env["KFWD_RUNTIME_DIR"])])
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "kfwd", "daemon", "run"]
        self._daemon = subprocess.Popen(command, env=self.env, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_S
        while not self.client.answers():
            assert self._daemon.poll() is None, "the daemon ended"
            assert time.monotonic() < deadline, "the daemon does not answer"
            time.sleep(0.02)

    def stop(self) -> None:
        if self._daemon is not None:
            self._daemon.terminate()
            self._daemon.wait(10)
            self._daemon = None


def folders(home: Path) -> dict[str, str]:
    names = ("CONFIG", "STATE", "LOG", "RUNTIME")
    return {f"KFWD_{name}_DIR": str(home / name.lower()) for name in names}


@pytest.fixture(scope="session")
def place(sim: Sim, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("tui")
    profiles = home / "config" / "profiles"
    profiles.mkdir(parents=True)
    (profiles / "shop.yaml").write_text(PROFILE.format(namespace=sim.namespace()))
    place = Place({**sim.env, **folders(home)})
    place.start()
    try:
        place.client.up(["shop"], [str(sim.kubeconfig)])
        yield place
    finally:
        place.stop()


@pytest.fixture
def nobody(sim: Sim, tmp_path: Path) -> Iterator[Place]:
    """A user without profiles whose daemon has not been started."""
    place = Place({**sim.env, **folders(tmp_path)})
    yield place
    place.stop()


@pytest.fixture
def lent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that can be lent: a test has none."""
    monkeypatch.setattr(KfwdApp, "suspend", lambda app: nullcontext())


@asynccontextmanager
async def running(place: Place, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[None]]:
    """The app in a terminal of that size, attached and showing what there is."""
    app = KfwdApp(place.env)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(lambda: settled(app), 15)
        await pilot.pause()
        yield pilot


@asynccontextmanager
async def at_entry(
    place: Place, id: str, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[Pilot[None]]:
    """The first screen, with the cursor on an entry."""
    async with running(place, size) as pilot:
        app = pilot.app
        assert isinstance(app, KfwdApp)
        assert isinstance(app.screen, Overview)
        await until(lambda: id in app.picture.entries)
        await until(lambda: id.partition("/")[2] in screen(app))
        app.screen.table.pick(id)
        await pilot.pause()
        yield pilot


def settled(app: KfwdApp) -> bool:
    """The three entries of the profile are as they will stay, on the screen too."""
    states = {entry.name: entry.state for entry in app.picture.entries.values()}
    wanted = {"web": "ready", "echo": "ready", "search": "waiting"}
    return wanted.items() <= states.items() and all(
        words in screen(app) for words in ("2 of 3 ready", "no svc/search")
    )
