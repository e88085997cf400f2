"""A change counts once it has settled, a deletion after 2 s."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from kfwd.daemon import profiles_watch
from kfwd.daemon.profiles_watch import DELETED_S, Change, Watch, watch_profiles
from kfwd.tasks import TaskSet
from tests.until import until

OLD, NEW, NEWER = (1, 10, 1), (2, 10, 1), (3, 10, 1)


def settled(watch: Watch, name: str = "dev") -> None:
    watch.look(0.0, {name: OLD}, [name])
    assert watch.look(0.5, {name: OLD}, [name]) == [Change(name)]


def test_a_file_that_stays_as_it_is_changes_once() -> None:
    watch = Watch()
    settled(watch)
    assert watch.look(1.0, {"dev": OLD}, ["dev"]) == []


def test_a_file_is_not_read_while_it_is_being_written() -> None:
    watch = Watch()
    settled(watch)
    assert watch.look(1.0, {"dev": NEW}, ["dev"]) == []
    assert watch.look(1.5, {"dev": NEWER}, ["dev"]) == []
    assert watch.look(2.0, {"dev": NEWER}, ["dev"]) == [Change("dev")]
    assert watch.look(2.5, {"dev": NEWER}, ["dev"]) == []


def test_files_of_profiles_that_are_not_up_do_not_count() -> None:
    watch = Watch()
    for now in (0.0, 0.5):
        assert watch.look(now, {"other": OLD}, ["dev"]) == []


def test_a_file_that_an_editor_replaces_is_not_deleted() -> None:
    watch = Watch()
    settled(watch)
    assert watch.look(1.0, {}, ["dev"]) == []
    assert watch.look(1.5, {"dev": NEW}, ["dev"]) == []
    assert watch.look(2.0, {"dev": NEW}, ["dev"]) == [Change("dev")]
    assert watch.look(1.0 + DELETED_S + 1, {"dev": NEW}, ["dev"]) == []


def test_a_file_that_is_gone_for_2_s_is_deleted() -> None:
    watch = Watch()
    settled(watch)
    assert watch.look(1.0, {}, ["dev"]) == []
    assert watch.look(1.0 + DELETED_S - 0.1, {}, ["dev"]) == []
    assert watch.look(1.0 + DELETED_S, {}, ["dev"]) == [Change("dev", deleted=True)]


def test_a_profile_that_comes_up_again_is_looked_at_anew() -> None:
    watch = Watch()
    settled(watch)
    watch.look(1.0, {"dev": OLD}, [])
    assert watch.look(1.5, {"dev": OLD}, ["dev"]) == [Change("dev")]


async def test_looking_acts_on_a_real_file(tmp_path: Path) -> None:
    assert profiles_watch.LOOK_S + profiles_watch.LOOK_S < 2, "a saved file is live within 2 s"
    profile = tmp_path / "dev.yaml"
    profile.write_text("version: 1\n")
    seen: list[Change] = []

    async def act(changes: Sequence[Change]) -> None:
        seen.extend(changes)

    tasks = TaskSet("test")
    profiles_watch_task = watch_profiles(tmp_path, lambda: ["dev"], act)
    tasks.spawn(profiles_watch_task, "watch")
    await until(lambda: seen)
    profile.write_text("version: 1\nenabled: false\n")
    start = asyncio.get_running_loop().time()
    await until(lambda: len(seen) == 2)
    assert asyncio.get_running_loop().time() - start < 2
    await tasks.close()
