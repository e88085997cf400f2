"""A profile's text on the screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfwd.profiles.draft import Draft
from kfwd.tui.app import KfwdApp
from kfwd.tui.screens.profile_file import ProfileFile
from tests.tui.conftest import folders
from tests.tui.editor import editor
from tests.tui.screen_text import screen, shows
from tests.until import until

FAULTY = """\
version: 1
# what the shop needs
forwards:
  - name: web
    targets: svc/web
    ports: ["99999:http"]
"""
VALID = FAULTY.replace("targets", "target").replace("99999", "8080")


def made(tmp_path: Path, *texts: str) -> tuple[KfwdApp, Draft]:
    app = KfwdApp({**folders(tmp_path), "EDITOR": editor(tmp_path, *texts)})
    app.paths.profiles.mkdir(parents=True)
    return app, Draft(app.paths.profiles, "shop", app.paths.state)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_whole_screen(tmp_path: Path, size: tuple[int, int]) -> None:
    app, draft = made(tmp_path)
    draft.take(FAULTY)
    async with app.run_test(size=size) as pilot:
        await app.push_screen(ProfileFile(draft, draft.faults()))
        await until(lambda: "^ unknown key" in screen(app))
        await until(lambda: "no daemon is running" in screen(app))
        await pilot.pause()
        await shows(app, f"profile-file-{size[0]}x{size[1]}")


@pytest.mark.usefixtures("lent")
async def test_edit_again_until_it_is_valid(tmp_path: Path) -> None:
    app, draft = made(tmp_path, FAULTY, VALID)
    draft.take("foo: 1\n")
    async with app.run_test() as pilot:
        await app.push_screen(ProfileFile(draft, draft.faults()))
        await until(lambda: '^ unknown key "foo"' in screen(app))
        await pilot.press("e")
        await until(lambda: '^ unknown key "targets"' in screen(app))
        await pilot.press("e")
        await until(lambda: not isinstance(app.screen, ProfileFile))
        assert draft.path.read_text() == VALID


async def test_what_is_left_with_faults_is_kept(tmp_path: Path) -> None:
    app, draft = made(tmp_path)
    draft.take(FAULTY)
    async with app.run_test(notifications=True) as pilot:
        await app.push_screen(ProfileFile(draft, draft.faults()))
        await until(lambda: "^ unknown key" in screen(app))
        await pilot.press("escape")
        await until(lambda: "nothing was written; your text is" in screen(app))
        assert not draft.path.exists()
        assert (app.paths.state / "rejected-shop.yaml").read_text() == FAULTY


async def test_the_cursor_goes_from_fault_to_fault(tmp_path: Path) -> None:
    app, draft = made(tmp_path)
    draft.take(FAULTY)
    page = ProfileFile(draft, draft.faults())
    async with app.run_test() as pilot:
        await app.push_screen(page)
        await until(lambda: page.table.key == "4")
        seen = []
        for _ in range(3):
            await pilot.press("n")
            seen.append(page.table.key)
        assert seen == ["5", "6", "4"]
