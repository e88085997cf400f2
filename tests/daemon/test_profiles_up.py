"""Profiles that are brought up, taken down, and edited meanwhile."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from kfwd.api_model import DownRequest, UpRequest
from kfwd.daemon import profiles_watch
from kfwd.daemon.profiles_watch import Change
from kfwd.errors import NotFound, ProfileInvalid
from tests.daemon.rig import Rig, running
from tests.ports import free_port
from tests.until import until


async def test_up_listens_pins_and_saves_before_it_answers(rig: Rig) -> None:
    port = free_port()
    rig.profile("dev", port)
    plan = await rig.daemon.profiles.up(UpRequest(kubeconfig=(rig.kubeconfig,)))
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
        await rig.bring_up()
        rig.daemon.leave()
        rig.profile("dev", extra="nonsense: 1\n")
        await asyncio.sleep(0.1)
        assert [each.problem for each in rig.daemon.store.snapshot().profiles] == [None]


async def test_up_again_changes_nothing_and_keeps_the_context(rig: Rig) -> None:
    rig.profile("dev")
    await rig.bring_up()
    port = rig.port("dev/web")
    rig.use_context("prod")
    plan = await rig.daemon.profiles.up(UpRequest(kubeconfig=(rig.kubeconfig,), profiles=("dev",)))
    assert [item.action for item in plan.items] == ["leave"]
    assert (rig.port("dev/web"), rig.view("dev/web").context) == (port, "dev")


async def test_down_forgets_the_pinned_context_and_frees_the_port(rig: Rig) -> None:
    rig.profile("dev", port := free_port())
    await rig.bring_up()
    await rig.daemon.profiles.down(DownRequest(profiles=("dev",)))
    assert rig.ids() == []
    assert rig.saved().profiles == {}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    rig.use_context("prod")
    await rig.bring_up()
    assert rig.view("dev/web").context == "prod"


async def test_down_all_takes_ad_hoc_entries_too(rig: Rig) -> None:
    rig.profile("dev")
    await rig.bring_up()
    await rig.put("one")
    await rig.put("two", attached=True)
    plan = await rig.daemon.profiles.down(DownRequest(all=True))
    assert sorted(item.id for item in plan.items) == ["-/one", "-/two", "dev/web"]
    assert rig.ids() == []


async def test_down_of_a_profile_that_nobody_knows_is_not_found(rig: Rig) -> None:
    rig.profile("dev")
    assert (await rig.daemon.profiles.down(DownRequest(profiles=("dev",)))).items == ()
    with pytest.raises(NotFound, match='no profile "prd"'):
        await rig.daemon.profiles.down(DownRequest(profiles=("prd",)))


async def test_an_invalid_profile_beside_valid_ones_brings_nothing_up(rig: Rig) -> None:
    rig.profile("good")
    rig.profile("bad", extra="colour: red\n")
    with pytest.raises(ProfileInvalid, match=r"bad\.yaml:2:1"):
        await rig.bring_up()
    assert rig.ids() == []


async def test_plan_shows_and_does_nothing(rig: Rig) -> None:
    rig.profile("dev")
    plan = await rig.daemon.profiles.plan(UpRequest(kubeconfig=(rig.kubeconfig,)))
    assert [item.action for item in plan.items] == ["start"]
    assert rig.ids() == []
    assert rig.daemon.saved.profiles == {}


async def test_a_saved_file_is_live_within_2_s(rig: Rig) -> None:
    rig.profile("dev", free_port())
    await rig.bring_up()
    rig.profile("dev", port := free_port())
    start = asyncio.get_running_loop().time()
    await until(lambda: rig.view("dev/web").ports[0].listen == (f"127.0.0.1:{port}",))
    assert asyncio.get_running_loop().time() - start < 2


async def test_an_invalid_file_changes_nothing_and_says_where(rig: Rig) -> None:
    path = rig.profile("dev", port := free_port())
    await rig.bring_up()
    rig.profile("dev", free_port(), extra="colour: red\n")
    await rig.daemon.profiles.reload([Change("dev")])
    assert await rig.profile_problem("dev") == "profile-invalid"
    (shown,) = rig.daemon.store.snapshot().profiles
    assert shown.problem is not None
    assert shown.problem.text.startswith(f'{path}:2:1: unknown key "colour"')
    assert rig.port("dev/web") == port
    assert [each.about for each in rig.daemon.store.snapshot().problems][:1] == ["dev"]
    rig.profile("dev", port)
    await rig.daemon.profiles.reload([Change("dev")])
    assert rig.daemon.store.snapshot().profiles[0].problem is None
    assert rig.port("dev/web") == port


async def test_a_file_that_names_an_unknown_context_changes_nothing(rig: Rig) -> None:
    rig.profile("dev")
    await rig.bring_up()
    rig.profile("dev", extra="context: prd\n")
    await rig.daemon.profiles.reload([Change("dev")])
    assert await rig.profile_problem("dev") == "unknown-context"
    assert rig.view("dev/web").context == "dev"


async def test_a_deleted_file_takes_its_profile_down(rig: Rig) -> None:
    rig.profile("dev")
    await rig.bring_up()
    await rig.daemon.profiles.reload([Change("dev", deleted=True)])
    assert rig.ids() == []
    assert rig.saved().profiles == {}


async def test_a_profile_that_wants_the_listener_of_an_ad_hoc_entry_is_refused(rig: Rig) -> None:
    port = free_port()
    await rig.put("one", port)
    rig.profile("dev", port)
    with pytest.raises(ProfileInvalid, match=f"127.0.0.1:{port} is taken by -/one"):
        await rig.bring_up()


async def test_reloading_all_reads_every_file_that_is_up(rig: Rig) -> None:
    rig.profile("dev", free_port())
    await rig.bring_up()
    rig.profile("dev", port := free_port())
    await rig.daemon.reload_all()
    assert rig.port("dev/web") == port
