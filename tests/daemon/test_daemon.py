"""What can be asked of a daemon, by what is up, what is shown and what is on disk afterwards."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from kfwd.api_model import DownRequest, UpRequest
from kfwd.daemon import profiles_watch, state
from kfwd.daemon.main import start_anew
from kfwd.daemon.profiles_watch import Change
from kfwd.errors import KfwdError, NotFound, ProfileInvalid, UsageError
from kfwd.model import State
from tests.daemon.rig import Home, Rig, running
from tests.ports import free_port
from tests.until import until


async def up(rig: Rig, *names: str) -> None:
    await rig.daemon.up(UpRequest(kubeconfig=(rig.kubeconfig,), profiles=names))


async def put(rig: Rig, name: str, local: int = 0, **fields: object) -> str:
    return await rig.daemon.put(name, "replace", rig.request(local, **fields))  # type: ignore[arg-type]  # spec fields


async def test_up_listens_pins_and_saves_before_it_answers(rig: Rig) -> None:
    port = free_port()
    rig.profile("dev", port)
    plan = await rig.daemon.up(UpRequest(kubeconfig=(rig.kubeconfig,)))
    assert [(item.action, item.id) for item in plan.items] == [("start", "dev/web")]
    socket.create_connection(("127.0.0.1", port)).close()
    saved = rig.saved()
    assert saved.profiles["dev"].context.name == "dev"
    assert saved.profiles["dev"].spec.entries[0].target == "svc/web"
    assert [(each.name, each.context) for each in rig.daemon.store.snapshot().profiles] == [
        ("dev", "dev")
    ]


async def test_one_that_was_replaced_leaves_profiles_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles_watch, "LOOK_S", 0.01)
    async with running(tmp_path) as rig:
        rig.profile("dev")
        await up(rig)
        rig.daemon.leave()
        rig.profile("dev", extra="nonsense: 1\n")
        await asyncio.sleep(0.1)
        assert [each.problem for each in rig.daemon.store.snapshot().profiles] == [None]


async def test_up_again_changes_nothing_and_keeps_the_context(rig: Rig) -> None:
    rig.profile("dev")
    await up(rig)
    port = rig.port("dev/web")
    rig.use_context("prod")
    plan = await rig.daemon.up(UpRequest(kubeconfig=(rig.kubeconfig,), profiles=("dev",)))
    assert [item.action for item in plan.items] == ["leave"]
    assert (rig.port("dev/web"), rig.view("dev/web").context) == (port, "dev")


async def test_down_forgets_the_pinned_context_and_frees_the_port(rig: Rig) -> None:
    rig.profile("dev", port := free_port())
    await up(rig)
    await rig.daemon.down(DownRequest(profiles=("dev",)))
    assert rig.ids() == []
    assert rig.saved().profiles == {}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    rig.use_context("prod")
    await up(rig)
    assert rig.view("dev/web").context == "prod"


async def test_down_all_takes_ad_hoc_entries_too(rig: Rig) -> None:
    rig.profile("dev")
    await up(rig)
    await put(rig, "one")
    await put(rig, "two", attached=True)
    plan = await rig.daemon.down(DownRequest(all=True))
    assert sorted(item.id for item in plan.items) == ["-/one", "-/two", "dev/web"]
    assert rig.ids() == []


async def test_down_of_a_profile_that_nobody_knows_is_not_found(rig: Rig) -> None:
    rig.profile("dev")
    assert (await rig.daemon.down(DownRequest(profiles=("dev",)))).items == ()
    with pytest.raises(NotFound, match='no profile "prd"'):
        await rig.daemon.down(DownRequest(profiles=("prd",)))


async def test_an_invalid_profile_beside_valid_ones_brings_nothing_up(rig: Rig) -> None:
    rig.profile("good")
    rig.profile("bad", extra="colour: red\n")
    with pytest.raises(ProfileInvalid, match=r"bad\.yaml:2:1"):
        await up(rig)
    assert rig.ids() == []


async def test_plan_shows_and_does_nothing(rig: Rig) -> None:
    rig.profile("dev")
    plan = await rig.daemon.plan(UpRequest(kubeconfig=(rig.kubeconfig,)))
    assert [item.action for item in plan.items] == ["start"]
    assert rig.ids() == []
    assert rig.daemon.saved.profiles == {}


async def test_a_saved_file_is_live_within_2_s(rig: Rig) -> None:
    rig.profile("dev", free_port())
    await up(rig)
    rig.profile("dev", port := free_port())
    start = asyncio.get_running_loop().time()
    await until(lambda: rig.view("dev/web").ports[0].listen == (f"127.0.0.1:{port}",))
    assert asyncio.get_running_loop().time() - start < 2


async def test_an_invalid_file_changes_nothing_and_says_where(rig: Rig) -> None:
    path = rig.profile("dev", port := free_port())
    await up(rig)
    rig.profile("dev", free_port(), extra="colour: red\n")
    await rig.daemon.reload([Change("dev")])
    assert await rig.profile_problem("dev") == "profile-invalid"
    (shown,) = rig.daemon.store.snapshot().profiles
    assert shown.problem is not None
    assert shown.problem.text.startswith(f'{path}:2:1: unknown key "colour"')
    assert rig.port("dev/web") == port
    assert [each.about for each in rig.daemon.store.snapshot().problems][:1] == ["dev"]
    rig.profile("dev", port)
    await rig.daemon.reload([Change("dev")])
    assert rig.daemon.store.snapshot().profiles[0].problem is None
    assert rig.port("dev/web") == port


async def test_a_file_that_names_an_unknown_context_changes_nothing(rig: Rig) -> None:
    rig.profile("dev")
    await up(rig)
    rig.profile("dev", extra="context: prd\n")
    await rig.daemon.reload([Change("dev")])
    assert await rig.profile_problem("dev") == "unknown-context"
    assert rig.view("dev/web").context == "dev"


async def test_a_deleted_file_takes_its_profile_down(rig: Rig) -> None:
    rig.profile("dev")
    await up(rig)
    await rig.daemon.reload([Change("dev", deleted=True)])
    assert rig.ids() == []
    assert rig.saved().profiles == {}


async def test_an_ad_hoc_entry_is_saved_and_removed_for_good(rig: Rig) -> None:
    assert await put(rig, "db") == "-/db"
    port = rig.port("-/db")
    assert rig.saved().adhoc["-/db"].context.name == "dev"
    assert rig.saved().ports == {"-/db": {"80": port}}
    await rig.daemon.remove("-/db")
    assert (rig.saved().adhoc, rig.saved().ports) == ({}, {})
    with pytest.raises(NotFound, match='no entry "-/db"'):
        await rig.daemon.remove("-/db")


async def test_only_ad_hoc_entries_can_be_removed(rig: Rig) -> None:
    rig.profile("dev")
    await up(rig)
    with pytest.raises(UsageError, match="belongs to a profile"):
        await rig.daemon.remove("dev/web")


async def test_a_taken_name_is_replaced_counted_on_or_refused(rig: Rig) -> None:
    await put(rig, "db", target="svc/one")
    assert await rig.daemon.put("db", "next", rig.request()) == "-/db-2"
    with pytest.raises(UsageError) as caught:
        await rig.daemon.put("db", "fail", rig.request())
    assert caught.value.code == "name-taken"
    assert await put(rig, "db", target="svc/two") == "-/db"
    assert rig.view("-/db").target == "svc/two"


async def test_two_entries_on_one_listener_are_refused(rig: Rig) -> None:
    port = free_port()
    await put(rig, "one", port)
    with pytest.raises(UsageError, match=f"127.0.0.1:{port} is taken by -/one"):
        await put(rig, "two", port)
    assert rig.ids() == ["-/one"]


async def test_a_profile_that_wants_the_listener_of_an_ad_hoc_entry_is_refused(rig: Rig) -> None:
    port = free_port()
    await put(rig, "one", port)
    rig.profile("dev", port)
    with pytest.raises(ProfileInvalid, match=f"127.0.0.1:{port} is taken by -/one"):
        await up(rig)


async def test_an_entry_of_an_unknown_context_is_refused(rig: Rig) -> None:
    from msgspec.structs import replace

    with pytest.raises(KfwdError) as caught:
        await rig.daemon.put("db", "replace", replace(rig.request(), context="prd"))
    assert caught.value.code == "unknown-context"
    assert rig.ids() == []


async def test_a_paused_entry_frees_its_port_and_stays_paused(rig: Rig, tmp_path: Path) -> None:
    port = free_port()
    await put(rig, "db", port)
    await rig.daemon.pause("-/db", True)
    assert rig.view("-/db").state is State.PAUSED
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    assert rig.saved().paused == {"-/db"}
    await rig.daemon.pause("-/db", False)
    assert rig.port("-/db") == port
    assert rig.saved().paused == set()


async def test_restart_brings_a_paused_entry_back(rig: Rig) -> None:
    await put(rig, "db", port := free_port())
    await rig.daemon.pause("-/db", True)
    await rig.daemon.restart("-/db")
    assert (rig.saved().paused, rig.port("-/db")) == (set(), port)


async def test_restart_makes_the_entry_anew_on_the_same_port(rig: Rig) -> None:
    await put(rig, "db")
    before, port = rig.daemon.entry("-/db"), rig.port("-/db")
    await rig.daemon.restart("-/db")
    assert rig.daemon.entry("-/db") is not before
    assert rig.port("-/db") == port


async def test_entries_that_share_a_context_share_one_and_the_last_closes_it(rig: Rig) -> None:
    await put(rig, "one")
    await put(rig, "two")
    assert [each.name for each in rig.daemon.store.snapshot().contexts] == ["dev"]
    await rig.daemon.remove("-/one")
    assert [each.name for each in rig.daemon.store.snapshot().contexts] == ["dev"]
    await rig.daemon.remove("-/two")
    assert rig.daemon.store.snapshot().contexts == ()


async def test_a_change_is_carried_out_when_whoever_asked_hangs_up(rig: Rig) -> None:
    rig.profile("dev")
    asking = asyncio.ensure_future(up(rig))  # noqa: TID251  # to cancel it half-way
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])
    await until(lambda: rig.ids() == ["dev/web"])


async def test_everything_comes_back_on_the_same_ports(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.profile("dev")
        await up(rig)
        await put(rig, "db")
        await put(rig, "off")
        await rig.daemon.pause("-/off", True)
        await put(rig, "gone", attached=True)
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
        await up(rig)
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
    await put(rig, "db")
    assert rig.view("-/db").ports[0].listen
    (problem, *_) = rig.daemon.store.snapshot().problems
    assert (problem.about, problem.code) == ("daemon", "state-not-saved")
    assert "No space left on device" in problem.text
    monkeypatch.undo()
    await put(rig, "db2")
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
        await put(rig, "db")
    released.set()
    monkeypatch.undo()


async def test_reloading_all_reads_every_file_that_is_up(rig: Rig) -> None:
    rig.profile("dev", free_port())
    await up(rig)
    rig.profile("dev", port := free_port())
    await rig.daemon.reload_all()
    assert rig.port("dev/web") == port
