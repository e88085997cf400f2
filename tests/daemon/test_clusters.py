"""Contexts are lent: one for all who want it, for as long as somebody does."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfwd.daemon import shared_context as module
from kfwd.daemon.clusters import key
from kfwd.kube.grant import Grant
from tests.daemon.contexts import SPDY, WEBSOCKET, Home, clusters, known


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    return Home(tmp_path)


async def test_whoever_asks_for_the_same_context_gets_the_same_one(home: Home) -> None:
    home.write()
    async with clusters(home) as shared:
        assert shared.get(home.ref) is shared.get(home.ref)
        await known(shared.get(home.ref), "shop")


async def test_what_is_not_retained_is_closed_and_made_anew(home: Home) -> None:
    home.write()
    async with clusters(home) as shared:
        first = shared.get(home.ref)
        shared.retain({home.ref})
        assert shared.get(home.ref) is first
        shared.retain(())
        assert shared.views() == ([], [])
        assert shared.get(home.ref) is not first


async def test_a_login_that_was_made_stays_for_when_the_context_is_used_again(home: Home) -> None:
    home.write()
    async with clusters(home) as shared:
        with shared.borrow(home.ref) as context:
            await context.log_in(Grant(token="given"))
        assert shared.views() == ([], [])
        credential = await (await shared.get(home.ref).cluster()).credentials.get()
        assert credential.headers["Authorization"] == "Bearer given"


async def test_a_login_for_another_user_is_not_kept(home: Home) -> None:
    home.write()
    async with clusters(home) as shared:
        with shared.borrow(home.ref) as context:
            await context.log_in(Grant(token="given"))
        home.path.write_text(home.path.read_text().replace("token: t", "token: other"))
        credential = await (await shared.get(home.ref).cluster()).credentials.get()
        assert credential.headers["Authorization"] == "Bearer other"


async def test_the_transport_that_worked_is_remembered_for_the_next_time(home: Home) -> None:
    home.write()
    home.known[key(home.ref)] = WEBSOCKET
    async with clusters(home) as shared:
        context = shared.get(home.ref)
        assert context.transport == "websocket"
        await context.cluster()
        assert context.transport == "websocket"
        (problem,) = context.problems
        assert (problem.code, problem.about) == ("transport-refused", "dev")
        context._learned(SPDY)
    assert home.known == {key(home.ref): SPDY}


async def test_a_borrowed_context_stays_until_it_is_given_back(home: Home) -> None:
    home.write()
    async with clusters(home) as shared:
        with shared.borrow(home.ref) as context, shared.borrow(home.ref) as again:
            assert again is context
            shared.retain(())
            assert shared.get(home.ref) is context
        assert shared.views() == ([], [])


async def test_a_borrowed_context_that_is_wanted_too_stays_for_good(home: Home) -> None:
    home.write()
    async with clusters(home) as shared:
        wanted = shared.get(home.ref)
        shared.retain({home.ref})
        with shared.borrow(home.ref) as context:
            assert context is wanted
        assert shared.get(home.ref) is wanted


async def test_when_the_network_changed_servers_sessions_and_entries_are_told(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write()
    told: list[str] = []
    async with clusters(home) as shared:
        context = shared.get(home.ref)
        cluster = await context.cluster()
        monkeypatch.setattr(cluster, "way_changed", lambda: told.append("cluster"))
        monkeypatch.setattr(context.pool, "way_changed", lambda: told.append("pool"))
        context.on_change(lambda: told.append("entries"))
        shared.way_changed()
        assert told == ["cluster", "pool", "entries"]
