"""Profiles against a real daemon: what is listed, planned, brought up and taken down."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from kfwd.api_model import Plan
from kfwd.errors import KfwdError
from kfwd.tui.app import KfwdApp
from kfwd.tui.screens.profile_file import ProfileFile
from kfwd.tui.screens.profiles import Profiles
from tests.tui.conftest import Place, running
from tests.tui.editor import editor
from tests.tui.screen_text import screen, shows
from tests.until import until

BILLING = """\
version: 1
enabled: false
namespace: {namespace}
forwards:
  - {{name: api, target: svc/web, ports: [":http"]}}
"""


def page(pilot: Pilot[None]) -> Profiles:
    assert isinstance(pilot.app, KfwdApp)
    assert isinstance(pilot.app.screen, Profiles)
    return pilot.app.screen


@pytest.fixture
def folder(place: Place) -> Iterator[Path]:
    """The profiles `shop`, which is up, `billing`, which is not, and `broken`."""
    found = Path(place.env["KFWD_CONFIG_DIR"]) / "profiles"
    namespace = place.client.snapshot().entries[0].namespace
    (found / "billing.yaml").write_text(BILLING.format(namespace=namespace))
    (found / "broken.yaml").write_text("version: 1\nforward: 7\n")
    yield found
    up = {profile.name for profile in place.client.snapshot().profiles} - {"shop"}
    place.client.down(up) if up else None
    for path in found.glob("*.yaml"):
        if path.name != "shop.yaml":
            path.unlink()


@asynccontextmanager
async def profiles(place: Place, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[None]]:
    """The screen of profiles, with the plan of the first one."""
    async with running(place, size) as pilot:
        await pilot.press("p")
        await until(lambda: page(pilot).plan is not None)
        await pilot.pause()
        yield pilot


async def at(pilot: Pilot[None], name: str) -> None:
    """Put the cursor on a profile and wait for its plan."""
    page(pilot).table.pick(name)
    await until(lambda: page(pilot).subject and page(pilot).subject.name == name)  # type: ignore[union-attr]
    await until(lambda: page(pilot).plan is not None)


def states(place: Place) -> dict[str, str]:
    return {entry.id: str(entry.state) for entry in place.client.snapshot().entries}


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_whole_screen(place: Place, folder: Path, size: tuple[int, int]) -> None:
    async with profiles(place, size) as pilot:
        await shows(pilot.app, f"profiles-{size[0]}x{size[1]}")


async def test_the_plan_is_seen_then_enter_does_it_and_x_and_u_go_back_and_forth(
    place: Place, folder: Path
) -> None:
    async with profiles(place) as pilot:
        assert "+ start  billing/api" in screen(pilot.app)
        assert "billing/api" not in states(place)
        await pilot.press("enter")
        await until(lambda: states(place).get("billing/api") == "ready", 10)
        await until(lambda: "= leave  billing/api" in screen(pilot.app))
        await pilot.press("x")
        await until(lambda: "u brings it back" in screen(pilot.app))
        assert "billing/api" not in states(place)
        await pilot.press("u")
        await until(lambda: "billing/api" in states(place))


async def test_what_would_not_come_back_as_it_was_does_not_come_back(
    place: Place, folder: Path
) -> None:
    place.client.up(["billing"], [place.env["KUBECONFIG"]])
    async with profiles(place) as pilot:
        was = place.client.down(["billing"])
        path = folder / "billing.yaml"
        path.write_text(path.read_text().replace('":http"', '":9000"'))
        with pytest.raises(KfwdError, match="would not come back as it was"):
            page(pilot)._as_it_was("billing", was)
        assert "billing/api" not in states(place)


async def test_a_file_that_changes_is_seen_with_its_faults(place: Place, folder: Path) -> None:
    async with profiles(place) as pilot:
        await at(pilot, "broken")
        await until(lambda: 'broken.yaml:2:1: unknown key "forward"' in screen(pilot.app))
        path = folder / "broken.yaml"
        path.write_text("version: 1\n")
        await until(lambda: not page(pilot).rows["broken"].faults)
        await until(lambda: isinstance(page(pilot).plan, Plan))


async def test_without_a_daemon_the_files_are_there_and_the_reason_is_said(
    nobody: Place,
) -> None:
    folder = Path(nobody.env["KFWD_CONFIG_DIR"]) / "profiles"
    folder.mkdir(parents=True)
    (folder / "dev.yaml").write_text(BILLING.format(namespace="shop"))
    app = KfwdApp(nobody.env)
    async with app.run_test() as pilot:
        await pilot.press("p")
        await until(lambda: "no daemon answers" in screen(app))
        assert "○ disabled" in screen(app)


async def test_with_no_profiles_it_says_where_they_would_be(nobody: Place) -> None:
    app = KfwdApp(nobody.env)
    async with app.run_test(size=(200, 24)) as pilot:
        await pilot.press("p")
        await until(lambda: f"no profiles in {app.paths.profiles}" in screen(app))


@pytest.fixture
def editing(place: Place, tmp_path: Path, lent: None) -> Iterator[Callable[..., None]]:
    """Say what the editor is to write."""
    yield lambda *texts: place.env.update(EDITOR=editor(tmp_path, *texts))
    del place.env["EDITOR"]


async def test_a_file_is_edited_and_what_it_changes_is_seen(
    place: Place, folder: Path, editing: Callable[..., None]
) -> None:
    text = (folder / "billing.yaml").read_text()
    editing("foo: 1\n", text.replace("name: api", "name: other"))
    async with profiles(place) as pilot:
        await pilot.press("e")
        await until(lambda: '^ unknown key "foo"' in screen(pilot.app))
        assert (folder / "billing.yaml").read_text() == text
        await pilot.press("e")
        await until(lambda: "+ start  billing/other" in screen(pilot.app))


async def test_a_new_profile_gets_a_name_that_can_be_one(
    place: Place, folder: Path, editing: Callable[..., None]
) -> None:
    editing("forwards: []\n")
    async with profiles(place) as pilot:
        await pilot.press("n", *"../", "enter")
        await until(lambda: "bad name" in screen(pilot.app))
        await pilot.press("escape", "n", *"shop", "enter")
        await until(lambda: "there is a profile shop already" in screen(pilot.app))
        await pilot.press("n", *"new", "enter")
        await until(lambda: "new" in page(pilot).rows)
        assert (folder / "new.yaml").read_text() == "forwards: []\n"


async def test_a_file_is_shown_and_validated(place: Place, folder: Path) -> None:
    async with profiles(place) as pilot:
        await pilot.press("v")
        await until(lambda: "billing.yaml has no faults" in screen(pilot.app))
        await pilot.press("f")
        await until(lambda: isinstance(pilot.app.screen, ProfileFile))
        await until(lambda: "5    - {name: api" in screen(pilot.app))
        await pilot.press("escape")
        await at(pilot, "broken")
        await pilot.press("v")
        await until(lambda: '^ unknown key "forward"' in screen(pilot.app))
