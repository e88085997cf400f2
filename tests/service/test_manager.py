"""Every manager can be asked the same."""

from __future__ import annotations

import pytest

from kfwd.service.launchd import Launchd
from kfwd.service.manager import Manager
from kfwd.service.systemd import Systemd


@pytest.mark.parametrize("kind", [Systemd, Launchd])
def test_a_manager_answers_all_questions(kind: type[Manager]) -> None:
    questions = {name for name in vars(Manager) if not name.startswith("_")}
    manager = kind({"HOME": "/h"}, ("kfwd",))  # type: ignore[call-arg]  # a class that is one
    assert {name for name in questions if not hasattr(manager, name)} == set()
    assert all(path.is_relative_to("/h") for path in manager.files)
