"""What runs follows what is wanted."""

from __future__ import annotations

from tests.daemon.rig import Rig
from tests.ports import free_port


async def test_restart_makes_the_entry_anew_on_the_same_port(rig: Rig) -> None:
    await rig.put("db")
    before, port = rig.daemon.entry("-/db"), rig.port("-/db")
    await rig.daemon.restart("-/db")
    assert rig.daemon.entry("-/db") is not before
    assert rig.port("-/db") == port


async def test_restart_brings_a_paused_entry_back(rig: Rig) -> None:
    await rig.put("db", port := free_port())
    await rig.daemon.pause("-/db", True)
    await rig.daemon.restart("-/db")
    assert (rig.saved().paused, rig.port("-/db")) == (set(), port)


async def test_entries_that_share_a_context_share_one_and_the_last_closes_it(rig: Rig) -> None:
    await rig.put("one")
    await rig.put("two")
    assert [each.name for each in rig.daemon.store.snapshot().contexts] == ["dev"]
    await rig.daemon.remove("-/one")
    assert [each.name for each in rig.daemon.store.snapshot().contexts] == ["dev"]
    await rig.daemon.remove("-/two")
    assert rig.daemon.store.snapshot().contexts == ()
