from __future__ import annotations

import json

import pytest

from kfwd.sim.admin import Admin
from kfwd.sim.auth import AUTHENTICATED, Tokens, User
from kfwd.sim.faults import Faults
from kfwd.sim.sessions import Cut, Sessions
from kfwd.sim.status import StatusError
from kfwd.sim.store import Store
from tests.sim.builders import ADMIN


class Session:
    """A session that remembers how it was cut."""

    def __init__(self) -> None:
        self.cuts: list[Cut] = []

    def cut(self, how: Cut) -> None:
        self.cuts.append(how)

    def freeze(self, frozen: bool) -> None:
        raise AssertionError(frozen)


class Desk:
    """An admin endpoint and what is behind it."""

    def __init__(self) -> None:
        self.store, self.tokens, self.faults = Store(), Tokens(), Faults()
        self.sessions = Sessions(self.faults)
        self.admin = Admin(self.store, self.tokens, self.faults, self.sessions)

    def ask(self, method: str, path: str, body: bytes = b"", user: User = ADMIN) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.admin.answer(user, method, path, body).body)
        return found

    def code(self, method: str, path: str, body: bytes = b"", user: User = ADMIN) -> int:
        with pytest.raises(StatusError) as caught:
            self.admin.answer(user, method, path, body)
        return caught.value.code


def test_faults_are_shown_and_merged() -> None:
    desk = Desk()
    assert desk.ask("PATCH", "/sim/faults", b'{"latency_ms": 20}')["latency_ms"] == 20.0
    assert desk.ask("GET", "/sim/faults")["latency_ms"] == 20.0
    assert desk.code("PATCH", "/sim/faults", b'{"nonsense": 1}') == 400


def test_sessions_are_cut_as_asked() -> None:
    desk, session = Desk(), Session()
    desk.sessions.add(session)
    assert desk.ask("POST", "/sim/cut") == {"sessions": 1}
    assert desk.ask("POST", "/sim/cut", b'{"how": "reset"}') == {"sessions": 1}
    assert session.cuts == ["eof", "reset"]
    assert desk.code("POST", "/sim/cut", b'{"how": "gently"}') == 400
    assert desk.code("POST", "/sim/cut", b"[") == 400


def test_a_user_gets_a_token_that_counts() -> None:
    desk = Desk()
    token = desk.ask("POST", "/sim/users", b'{"name": "ann", "groups": ["devs"]}')["token"]
    assert desk.tokens.user(token) == User("ann", ("devs", AUTHENTICATED))
    assert desk.code("POST", "/sim/users", b"{}") == 400
    desk.ask("POST", "/sim/revoke", json.dumps({"token": token}).encode())
    assert desk.tokens.user(token) is None


async def test_watches_end_with_the_history_and_with_the_fault() -> None:
    desk = Desk()
    watchers = [desk.store.watch("pods", desk.store.version, lambda _: True) for _ in range(2)]
    desk.ask("POST", "/sim/compact")
    assert await watchers[0].next() is None
    assert watchers[0].expired
    later = desk.store.watch("pods", desk.store.version, lambda _: True)
    desk.ask("PATCH", "/sim/faults", b'{"watch_gone": true}')
    assert await later.next() is None
    assert later.expired


def test_only_admins_ask_and_only_for_what_there_is() -> None:
    desk = Desk()
    assert desk.code("GET", "/sim/faults", user=User("bob", (AUTHENTICATED,))) == 403
    assert desk.code("GET", "/sim/cut") == 405
    assert desk.code("GET", "/sim/moon") == 404
