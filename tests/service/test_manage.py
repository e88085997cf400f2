"""Installing twice, over what a person changed, and taking it away again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kfwd import paths as places
from kfwd.errors import KfwdError
from kfwd.paths import Paths
from kfwd.service import environment, manage
from kfwd.service.launchd import Launchd
from kfwd.service.manager import Manager, Options
from kfwd.service.systemd import Systemd
from tests.service.fakes import Fake


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path, "systemctl")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    env = {f"KFWD_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "STATE", "RUNTIME")}
    return places.find({**env, "KFWD_LOG_DIR": str(tmp_path / "LOG")})


@pytest.fixture
def manager(fake: Fake) -> Manager:
    return manage.find(fake.env, "linux")


def test_the_manager_is_the_systems(fake: Fake) -> None:
    assert isinstance(manage.find(fake.env, "darwin"), Launchd)
    assert isinstance(manage.find(fake.env, "linux"), Systemd)
    assert manage.COMMAND[0] == sys.executable


def test_installing_again_changes_nothing(fake: Fake, manager: Manager, paths: Paths) -> None:
    assert manage.install(manager, paths, {"PATH": "/me"}, Options())
    before = fake.file.stat().st_ino
    assert not manage.install(manager, paths, {"PATH": "/me"}, Options())
    assert fake.file.stat().st_ino == before
    assert environment.recorded(paths.state) == {"PATH": "/me"}
    found = manage.status(manager, paths)
    assert (found.installed, found.edited, found.current, found.enabled) == (
        True,
        False,
        True,
        True,
    )
    assert not found.sockets


def test_other_options_replace_what_is_there(fake: Fake, manager: Manager, paths: Paths) -> None:
    for options in (Options(sockets=True, privileges=True), Options(sockets=True), Options()):
        assert manage.install(manager, paths, {}, options)
        assert manage.installed_options(manager) == options
        assert manage.status(manager, paths).current
    assert [path.exists() for path in manager.files] == [True, False]


def test_what_a_person_changed_is_left_alone(fake: Fake, manager: Manager, paths: Paths) -> None:
    manage.install(manager, paths, {}, Options())
    mine = fake.file.read_text().replace("RestartSec=1", "RestartSec=9")
    fake.file.write_text(mine)
    assert manage.status(manager, paths).edited
    assert not manage.status(manager, paths).current
    for attempt in (
        lambda: manage.install(manager, paths, {}, Options()),
        lambda: manage.uninstall(manager),
    ):
        with pytest.raises(KfwdError, match="changed by hand: nothing was done") as caught:
            attempt()
        assert caught.value.code == "service-edited"
        assert "systemctl --user edit kfwd" in str(caught.value.hint)
        assert fake.file.read_text() == mine
    assert manage.install(manager, paths, {}, Options(), force=True)
    assert not manage.status(manager, paths).edited


def test_it_goes_without_a_trace_and_only_once(fake: Fake, manager: Manager, paths: Paths) -> None:
    manage.install(manager, paths, {}, Options(sockets=True))
    assert manage.uninstall(manager)
    assert list(fake.file.parent.iterdir()) == []
    assert not manage.uninstall(manager)
    assert not manage.status(manager, paths).installed


def test_the_service_is_started_if_it_has_these_folders(
    fake: Fake, manager: Manager, paths: Paths
) -> None:
    assert not manage.start(manager, paths, {})
    manage.install(manager, paths, {}, Options())
    assert manage.start(manager, paths, {"PATH": "/new"})
    assert environment.recorded(paths.state) == {"PATH": "/new"}
    assert "start kfwd.service" in fake.calls
    other = places.find({**places.variables(paths), "KFWD_STATE_DIR": "/other"})
    assert not manage.start(manager, other, {})
    fake.mark("no-bus")
    assert not manage.start(manager, paths, {})


def test_a_folder_that_cannot_be_made_is_named(fake: Fake, manager: Manager, paths: Paths) -> None:
    fake.home.touch()
    with pytest.raises(KfwdError, match=r"kfwd\.service cannot be written: ") as caught:
        manage.install(manager, paths, {}, Options())
    assert caught.value.code == "write-failed"
