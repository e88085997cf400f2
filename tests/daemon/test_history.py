"""What happened is kept, in order; a bad disk is a problem and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from kfwd.daemon import history as history_module
from kfwd.daemon.history import NEWEST, NOT_KEPT, SET_ASIDE, History, of_context
from kfwd.daemon.history_file import HistoryFile
from kfwd.model import (
    ContextState,
    ContextView,
    EndpointView,
    EntryView,
    Problem,
    ProblemView,
    State,
    utcnow,
)
from kfwd.tasks import TaskSet
from kfwd.tunnel.podref import PodRef, SessionCut
from tests.daemon.records import THEN, entry, problem
from tests.until import until


class Kept(History):
    """A history, and what is wrong with its file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: dict[str, Problem] = {}
        super().__init__(path, self.told)

    def told(self, key: str, problem: Problem | None) -> None:
        self.problems.pop(key, None)
        if problem is not None:
            self.problems[key] = problem

    def codes(self) -> dict[str, str]:
        return {key: problem.code for key, problem in self.problems.items()}


@pytest.fixture
async def history(tmp_path: Path) -> AsyncIterator[Kept]:
    history = Kept(tmp_path / "history.db")
    yield history
    await history.close()


async def codes(history: History, about: str = "dev/web") -> list[str]:
    return [item.code for item in await history.of(about)]


def pods(*names: str) -> tuple[EndpointView, ...]:
    return tuple(EndpointView(pod=name, address=None, ready=True, open=0) for name in names)


def context(state: ContextState) -> ContextView:
    return ContextView(
        name="dev", server="", state=state, latency_ms=None, transport=None, login_expires=None
    )


CUT = SessionCut(pod=PodRef("ns", "web-1", "uid"), age_s=60.04, idle_s=15.0, reason="it ended")


async def test_a_new_state_a_new_problem_and_other_pods_are_noted(history: Kept) -> None:
    views: list[EntryView] = [
        entry(endpoints=(), state=State.STARTING),
        entry(endpoints=pods("a")),
        entry(endpoints=pods("b"), reconnects=1),
        entry(endpoints=pods("b"), reconnects=1, problem=problem("it is polled", code="polled")),
        entry(endpoints=(), state=State.WAITING, problem=problem("no pods"), reconnects=1),
    ]
    for view in views:
        history.note(view)
    assert await codes(history) == [
        "starting",
        "ready",
        "endpoint-added",
        "endpoint-added",
        "endpoint-removed",
        "reconnect",
        "polled",
        "waiting",
        "endpoint-removed",
    ]
    assert (await history.of("dev/web"))[-2].text == "no pods"


async def test_what_stays_the_same_is_not_noted(history: Kept) -> None:
    history.note(entry())
    before = await history.of("dev/web")
    history.note(entry())
    assert await history.of("dev/web") == before


async def test_the_newest_is_shown_and_all_since_a_time(history: Kept) -> None:
    for number in range(NEWEST):
        history.note(entry(endpoints=pods(f"pod-{number}")))
    assert len(await history.of("dev/web")) == NEWEST
    assert (await history.of("dev/web"))[-1].text == f"pod-{NEWEST - 2} is used no more"
    assert len(await history.of("dev/web", THEN)) == 2 * NEWEST
    assert await history.of("dev/web", utcnow() + timedelta(hours=1)) == ()


async def test_what_happened_is_known_after_the_entry_and_the_daemon_are_gone(
    history: Kept,
) -> None:
    history.note(entry())
    history.forget("dev/web")
    await history.close()
    again = Kept(history.path)
    assert await codes(again) == ["ready", "endpoint-added"]
    await again.close()


async def test_outages_of_a_context_are_noted_with_the_reason(history: Kept) -> None:
    away = ProblemView(about="dev", code="timeout", severity="error", text="no answer")
    for state, problems in [
        (ContextState.UNKNOWN, ()),
        (ContextState.OK, ()),
        (ContextState.OK, ()),
        (ContextState.UNREACHABLE, (away,)),
        (ContextState.OK, ()),
    ]:
        history.note_contexts([context(state)], problems)
    found = await history.of(of_context("dev"))
    assert [(item.code, item.text) for item in found] == [
        ("ok", "ok"),
        ("unreachable", "no answer"),
        ("ok", "ok"),
    ]


async def test_a_cut_is_an_event_and_a_record_of_its_context(history: Kept) -> None:
    history.note_cut("dev", CUT)
    (cut,) = await history.cuts("dev")
    assert (cut.context, cut.pod, cut.age_s, cut.idle_s) == ("dev", "ns/web-1", 60.0, 15.0)
    assert cut.reason == "it ended"
    assert await history.cuts("prod") == ()
    (item,) = await history.of(None)
    assert (item.about, item.code) == ("context dev", "cut")
    assert item.text == "the session to ns/web-1 ended after 60.0 s, 15.0 s silent: it ended"


async def test_what_is_noted_reaches_the_disk_by_itself(history: Kept) -> None:
    tasks = TaskSet("test")
    tasks.spawn(history.run(), "write")
    history.note(entry())
    other_file = HistoryFile(history.path)
    await until(lambda: other_file.events("dev/web", None, 1))
    assert await tasks.close() == []
    other_file.close()


async def test_availability_is_the_share_of_the_time_that_is_known(
    history: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(history_module.time, "monotonic", lambda: now)
    history.note(entry())
    now += 30
    history.note(entry(state=State.WAITING))
    now += 10
    history.note(entry(state=State.PAUSED))
    now += 500
    (web, db) = (await history.availability(["dev/web", "dev/db"])).availability
    assert [(w.hours, w.share, w.counted_s) for w in web.windows] == [
        (24, 0.75, 40.0),
        (720, 0.75, 40.0),
    ]
    assert [(w.share, w.counted_s) for w in db.windows] == [(None, 0), (None, 0)]


async def test_time_between_two_daemons_is_not_counted(
    history: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(history_module.time, "monotonic", lambda: now)
    history.note(entry())
    now += 10
    await history.close()
    now += 10_000
    again = Kept(history.path)
    again.note(entry(state=State.WAITING))
    now += 10
    (web,) = (await again.availability(["dev/web"])).availability
    assert (web.windows[0].share, web.windows[0].counted_s) == (0.5, 20.0)
    await again.close()


async def test_a_damaged_file_is_set_aside_and_a_new_one_begins(tmp_path: Path) -> None:
    (tmp_path / "history.db").write_bytes(b"no database at all" * 300)
    history = Kept(tmp_path / "history.db")
    history.note(entry())
    assert await codes(history) == ["ready", "endpoint-added"]
    assert history.codes() == {SET_ASIDE: "history-damaged"}
    assert (tmp_path / "history.db.corrupt-1").exists()
    await history.close()


async def test_a_file_that_cannot_be_written_is_a_problem_until_it_can(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.mkdir()
    history = Kept(path)
    tasks = TaskSet("test")
    tasks.spawn(history.run(), "write")
    history.note(entry())
    history.note_cut("dev", CUT)
    assert await codes(history) == ["ready", "endpoint-added"]
    assert len(await history.cuts("dev")) == 1
    assert history.codes() == {NOT_KEPT: "history-not-kept"}
    path.rmdir()
    await until(lambda: not history.problems)
    assert await tasks.close() == []
    await history.close()
    again = Kept(path)
    assert await codes(again) == ["ready", "endpoint-added"]
    assert len(await again.cuts("dev")) == 1
    await again.close()


async def test_what_cannot_be_written_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "MOST", 5)
    (tmp_path / "history.db").mkdir()
    history = Kept(tmp_path / "history.db")
    for number in range(20):
        history.note(entry(endpoints=pods(f"pod-{number}")))
        history.note_cut("dev", CUT)
        await history.of("dev/web")
    assert len(await history.of(None)) == 5
    assert len(await history.cuts("dev")) == 5
    await history.close()
