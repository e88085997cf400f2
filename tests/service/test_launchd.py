"""What launchctl is asked, and what its answers mean."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kfwd.paths import Paths
from kfwd.service.calls import NoManager
from kfwd.service.launchd import Launchd
from kfwd.service.manager import Options, Running
from tests.service.fakes import Fake

PATHS = Paths(config=Path("/c"), state=Path("/s"), runtime=Path("/r"), log=Path("/l"))
DOMAIN = f"gui/{os.getuid()}"


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path, "launchctl")


def test_it_is_loaded_once_and_started(fake: Fake) -> None:
    manager = Launchd(fake.env, ("kfwd",))
    assert manager.running() == Running(enabled=False, state="not loaded", pid=None)
    manager.enable(Options())
    manager.start()
    manager.start()
    asked = [call for call in fake.calls if not call.startswith("print")]
    service = f"{DOMAIN}/kfwd.daemon"
    assert asked == [
        f"enable {service}",
        f"bootstrap {DOMAIN} {manager.files[0]}",
        f"kickstart {service}",
        f"kickstart {service}",
    ]
    assert manager.running().pid == 4711
    assert manager.running().state == "running"
    manager.disable()
    manager.disable()
    assert manager.running().pid is None


def test_it_serves_the_folders_it_was_installed_with(fake: Fake) -> None:
    manager = Launchd(fake.env, ("kfwd",))
    assert not manager.serves(PATHS)
    manager.files[0].parent.mkdir(parents=True)
    manager.files[0].write_text(manager.texts(PATHS, Options())[manager.files[0]])
    assert manager.serves(PATHS)


def test_without_a_desktop_session_there_is_no_manager(fake: Fake) -> None:
    fake.mark("no-bus")
    with pytest.raises(NoManager, match="launchd has no session for you: Could not find domain"):
        Launchd(fake.env, ("kfwd",)).check()
