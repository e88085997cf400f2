"""All at once; where that is refused, those at fault are found by halves."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kfwd.api_model import Plan, PlanItem
from kfwd.daemon import reloading
from kfwd.errors import DaemonReplaced, KfwdError, ProfileInvalid

NAMES = [f"p{number}" for number in range(64)]


class Profiles:
    """Brings up what is not at fault, and remembers each time it was asked."""

    def __init__(self, *faulty: str) -> None:
        self.asked: list[list[str]] = []
        self.up: list[str] = []
        self.refused: list[str] = []
        self._faulty = faulty

    async def bring_up(self, names: Sequence[str]) -> Plan:
        self.asked.append(list(names))
        if faulty := [name for name in names if name in self._faulty]:
            raise ProfileInvalid(f"{faulty} cannot be read")
        self.up += names
        return Plan(items=tuple(PlanItem(id=f"{n}/web", action="change", text="") for n in names))

    def refuse(self, name: str, error: KfwdError) -> None:
        assert name in error.text
        self.refused.append(name)


async def test_all_come_up_with_one_change(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", reloading.__name__)
    profiles = Profiles()
    await reloading.together(NAMES, profiles.bring_up, profiles.refuse)
    assert profiles.asked == [NAMES]
    assert "profile p7 changed: change p7/web" in caplog.messages


async def test_those_at_fault_hold_up_no_others() -> None:
    profiles = Profiles("p0", "p63")
    await reloading.together(NAMES, profiles.bring_up, profiles.refuse)
    assert profiles.refused == ["p0", "p63"]
    assert profiles.up == NAMES[1:-1]
    assert len(profiles.asked) == 1 + 2 * 2 * 6 - 2, "two paths down a tree of six levels"


async def test_nothing_changes_when_nothing_did() -> None:
    profiles = Profiles()
    await reloading.together([], profiles.bring_up, profiles.refuse)
    assert profiles.asked == []


async def test_another_daemon_is_to_do_it() -> None:
    async def replaced(names: Sequence[str]) -> Plan:
        raise DaemonReplaced("the daemon was just replaced")

    with pytest.raises(DaemonReplaced):
        await reloading.together(NAMES, replaced, Profiles().refuse)
