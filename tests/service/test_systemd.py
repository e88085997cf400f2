"""What systemctl is asked, and what its answers mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfwd.errors import KfwdError
from kfwd.paths import Paths
from kfwd.service.calls import NoManager
from kfwd.service.manager import Options, Running
from kfwd.service.systemd import Systemd, user_name, with_bus
from tests.service.fakes import Fake

PATHS = Paths(config=Path("/c"), state=Path("/s"), runtime=Path("/r 1"), log=Path("/l"))


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path, "systemctl")


def made(fake: Fake) -> Systemd:
    return Systemd(fake.env, ("/a b/python", "-m", "kfwd"), fake.folder / "linger")


def test_the_units_have_the_command_and_the_folders(fake: Fake) -> None:
    manager = made(fake)
    texts = manager.texts(PATHS, Options(sockets=True))
    service, socket = (texts[path] for path in manager.files)
    assert '\nExecStart=:"/a b/python" "-m" "kfwd"\n' in service
    assert '\nEnvironment="KFWD_RUNTIME_DIR=/r 1"\n' in service
    assert "\nListenStream=/r 1/kfwd.sock\n" in socket
    assert list(manager.texts(PATHS, Options())) == [manager.files[0]]


def test_it_serves_the_folders_it_was_installed_with(fake: Fake) -> None:
    manager = made(fake)
    assert not manager.serves(PATHS)
    fake.file.parent.mkdir(parents=True)
    fake.file.write_text(manager.texts(PATHS, Options())[fake.file])
    assert manager.serves(PATHS)
    assert not manager.serves(
        Paths(config=PATHS.config, state=Path("/o"), runtime=PATHS.runtime, log=PATHS.log)
    )


def test_it_is_enabled_and_then_started(fake: Fake) -> None:
    manager = made(fake)
    manager.enable(Options())
    assert fake.calls[0] == "daemon-reload"
    assert manager.running() == Running(enabled=True, state="inactive", pid=None, lingers=False)
    manager.start()
    (fake.folder / "linger").mkdir()
    (fake.folder / "linger" / user_name()).touch()
    assert manager.running() == Running(enabled=True, state="active", pid=4711, lingers=True)
    manager.stop()
    assert manager.running().pid is None


def test_the_control_socket_is_bound_by_systemd_before_the_daemon_starts(fake: Fake) -> None:
    manager = made(fake)
    manager.enable(Options(sockets=True))
    asked = [call for call in fake.calls if not call.startswith("show")]
    assert asked[1:] == [
        "enable kfwd.service kfwd.socket",
        "is-active kfwd.socket",
        "stop kfwd.service",
        "start kfwd.socket",
    ]
    manager.enable(Options(sockets=True))
    assert "stop kfwd.service" not in fake.calls


def test_units_that_systemd_does_not_find_are_an_error(fake: Fake) -> None:
    (fake.folder / "fragment").write_text("")
    with pytest.raises(KfwdError, match="does not look into") as caught:
        made(fake).enable(Options())
    assert caught.value.hint is not None
    assert "XDG_CONFIG_HOME" in caught.value.hint


def test_no_bus_is_no_manager(fake: Fake) -> None:
    fake.mark("no-bus")
    with pytest.raises(NoManager, match="no systemd runs here for you: Failed to connect"):
        made(fake).check()


def test_a_start_that_fails_says_what_systemd_says(fake: Fake) -> None:
    fake.mark("broken")
    with pytest.raises(KfwdError, match=r"failed: Job for kfwd\.service failed\.") as caught:
        made(fake).start()
    assert caught.value.code == "service-failed"
    assert "journalctl --user -u kfwd.service" in str(caught.value.hint)


def test_only_units_that_are_there_are_disabled(fake: Fake) -> None:
    fake.file.parent.mkdir(parents=True)
    fake.file.touch()
    made(fake).disable()
    assert fake.calls == ["disable --now kfwd.service"]
    made(fake).forget()
    assert fake.calls == ["daemon-reload", "reset-failed kfwd.service"]


def test_the_bus_is_found_without_a_login_session(tmp_path: Path) -> None:
    import os

    assert "XDG_RUNTIME_DIR" not in with_bus({}, tmp_path)
    (place := tmp_path / str(os.getuid())).mkdir()
    assert with_bus({}, tmp_path)["XDG_RUNTIME_DIR"] == str(place)
    assert with_bus({"XDG_RUNTIME_DIR": "/mine"}, tmp_path)["XDG_RUNTIME_DIR"] == "/mine"
