"""What can be asked of a daemon, by what is up, what is shown and what is on disk afterwards."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from kfwd.daemon import state
from kfwd.daemon.main import start_anew
from kfwd.errors import KfwdError, NotFound, UsageError
from kfwd.model import State
from tests.daemon.rig import Home, Rig, running
from tests.ports import free_port
from tests.until import until


async def test_an_ad_hoc_entry_is_saved_and_removed_for_good(rig: Rig) -> None:
    assert await rig.put("db") == "-/db"
    port = rig.port("-/db")
    assert rig.saved().adhoc["-/db"].context.name == "dev"
    assert rig.saved().ports == {"-/db": {"80": port}}
    await rig.daemon.remove("-/db")
    assert (rig.saved().adhoc, rig.saved().ports) == ({}, {})
    with pytest.raises(NotFound, match='no entry "-/db"'):
        await rig.daemon.remove("-/db")


async def test_only_ad_hoc_entries_can_be_removed(rig: Rig) -> None:
    rig.profile("dev")
    await rig.bring_up()
    with pytest.raises(UsageError, match="belongs to a profile"):
        await rig.daemon.remove("dev/web")


async def test_a_taken_name_is_replaced_counted_on_or_refused(rig: Rig) -> None:
    await rig.put("db", target="svc/one")
    assert await rig.daemon.put("db", "next", rig.request()) == "-/db-2"
    with pytest.raises(UsageError) as caught:
        await rig.daemon.put("db", "fail", rig.request())
    assert caught.value.code == "name-taken"
    assert await rig.put("db", target="svc/two") == "-/db"
    assert rig.view("-/db").target == "svc/two"


async def test_two_entries_on_one_listener_are_refused(rig: Rig) -> None:
    port = free_port()
    await rig.put("one", port)
    with pytest.raises(UsageError, match=f"127.0.0.1:{port} is taken by -/one"):
        await rig.put("two", port)
    assert rig.ids() == ["-/one"]


async def test_an_entry_of_an_unknown_context_is_refused(rig: Rig) -> None:
    from msgspec.structs import replace

    with pytest.raises(KfwdError) as caught:
        await rig.daemon.put("db", "replace", replace(rig.request(), context="prd"))
    assert caught.value.code == "unknown-context"
    assert rig.ids() == []


async def test_a_paused_entry_frees_its_port_and_stays_paused(rig: Rig, tmp_path: Path) -> None:
    port = free_port()
    await rig.put("db", port)
    await rig.daemon.pause("-/db", True)
    assert rig.view("-/db").state is State.PAUSED
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    assert rig.saved().paused == {"-/db"}
    await rig.daemon.pause("-/db", False)
    assert rig.port("-/db") == port
    assert rig.saved().paused == set()


async def test_a_change_is_carried_out_when_whoever_asked_hangs_up(rig: Rig) -> None:
    rig.profile("dev")
    asking = asyncio.ensure_future(rig.bring_up())  # noqa: TID251  # to cancel it half-way
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])
    await until(lambda: rig.ids() == ["dev/web"])


async def test_everything_comes_back_on_the_same_ports(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.profile("dev")
        await rig.bring_up()
        await rig.put("db")
        await rig.put("off")
        await rig.daemon.pause("-/off", True)
        await rig.put("gone", attached=True)
        ports = (rig.port("dev/web"), rig.port("-/db"))
    async with running(tmp_path, Home(tmp_path).saved()) as rig:
        assert rig.ids() == ["-/db", "-/off", "dev/web"]
        # Somebody's outgoing connection may have the number for a moment.
        await until(lambda: all(rig.view(id).ports[0].listen for id in ("dev/web", "-/db")))
        assert (rig.port("dev/web"), rig.port("-/db")) == ports
        assert rig.view("-/off").state is State.PAUSED


async def test_a_profile_that_broke_while_the_daemon_was_down_comes_up_as_it_was(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as rig:
        rig.profile("dev", port := free_port())
        await rig.bring_up()
    rig.profile("dev", extra="colour: red\n")
    async with running(tmp_path, Home(tmp_path).saved()) as rig:
        assert rig.port("dev/web") == port
        assert await rig.profile_problem("dev") == "profile-invalid"
        assert rig.port("dev/web") == port


async def test_without_a_readable_state_valid_profiles_come_up(rig: Rig) -> None:
    rig.profile("a")
    rig.profile("b", extra="colour: red\n")
    rig.profile("c", extra="enabled: false\n")
    await start_anew(rig.daemon)
    assert rig.ids() == ["a/web"]


async def test_a_full_disk_is_a_problem_and_takes_nothing_down(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    await rig.put("db")
    assert rig.view("-/db").ports[0].listen
    (problem, *_) = rig.daemon.store.snapshot().problems
    assert (problem.about, problem.code) == ("daemon", "state-not-saved")
    assert "No space left on device" in problem.text
    monkeypatch.undo()
    await rig.put("db2")
    codes = [each.code for each in rig.daemon.store.snapshot().problems]
    assert "state-not-saved" not in codes
    assert set(rig.saved().adhoc) == {"-/db", "-/db2"}


async def test_a_disk_that_hangs_holds_no_answer_for_ever(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from kfwd.daemon import changes as module

    released = threading.Event()
    monkeypatch.setattr(state, "write", lambda path, data: released.wait(5))
    monkeypatch.setattr(module, "SAVE_WAIT_S", 0.05)
    async with asyncio.timeout(2):
        await rig.put("db")
    released.set()
    monkeypatch.undo()
