"""What becomes of a text that was edited."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfwd.profiles.draft import Draft
from kfwd.tui.app import KfwdApp
from kfwd.tui.editing import Outcome, edit
from tests.tui.conftest import folders
from tests.tui.editor import editor
from tests.tui.screen_text import screen
from tests.until import until

WEB = "forwards:\n- {name: web, target: svc/web, ports: 8080:80}\n"


def made(tmp_path: Path, *texts: str) -> tuple[KfwdApp, Draft]:
    app = KfwdApp({**folders(tmp_path), "EDITOR": editor(tmp_path, *texts)})
    app.paths.profiles.mkdir(parents=True)
    return app, Draft(app.paths.profiles, "dev", app.paths.state)


@pytest.mark.usefixtures("lent")
async def test_a_valid_text_is_written_and_u_takes_it_back(tmp_path: Path) -> None:
    app, draft = made(tmp_path, WEB)
    async with app.run_test(notifications=True) as pilot:
        assert edit(app, draft) is Outcome.WRITTEN
        await until(lambda: "wrote dev.yaml - u takes that" in screen(app))
        assert draft.path.read_text() == WEB
        await pilot.press("u")
        await until(lambda: not draft.path.exists())


@pytest.mark.usefixtures("lent")
async def test_faults_are_seen_before_anything_is_written(tmp_path: Path) -> None:
    app, draft = made(tmp_path, "foo: 1\n", WEB)
    async with app.run_test():
        assert edit(app, draft) is Outcome.FAULTY
        assert not draft.path.exists()
        assert edit(app, draft) is Outcome.WRITTEN
        assert edit(app, draft) is Outcome.SAME


@pytest.mark.usefixtures("lent")
async def test_an_editor_that_cannot_be_run_is_said(tmp_path: Path) -> None:
    app, draft = made(tmp_path, WEB)
    app.env = {**app.env, "EDITOR": str(tmp_path / "none")}
    async with app.run_test(notifications=True):
        assert edit(app, draft) is Outcome.SAME
        await until(lambda: "EDITOR says which editor" in screen(app))


async def test_without_a_terminal_the_command_is_named(tmp_path: Path) -> None:
    app, draft = made(tmp_path, WEB)
    async with app.run_test(notifications=True):
        assert edit(app, draft) is Outcome.SAME
        await until(lambda: "kfwd profile edit dev" in screen(app))
