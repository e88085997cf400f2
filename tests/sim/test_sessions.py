from __future__ import annotations

from kfwd.sim.faults import Faults
from kfwd.sim.sessions import Cut, Sessions


class Recorder:
    def __init__(self) -> None:
        self.heard: list[object] = []

    def cut(self, how: Cut) -> None:
        self.heard.append(how)

    def freeze(self, frozen: bool) -> None:
        self.heard.append(frozen)


def test_cutting_reaches_every_open_session_and_counts_them() -> None:
    sessions, first, second, gone = Sessions(Faults()), Recorder(), Recorder(), Recorder()
    for session in (first, second, gone):
        sessions.add(session)
    sessions.discard(gone)
    assert sessions.cut("reset") == len(sessions) == 2
    assert (first.heard, second.heard, gone.heard) == (["reset"], ["reset"], [])


def test_freezing_reaches_sessions_that_are_open_and_new_ones_until_it_ends() -> None:
    faults = Faults()
    sessions, early, late = Sessions(faults), Recorder(), Recorder()
    sessions.add(early)
    faults.merge(b'{"freeze": "sessions"}')
    sessions.add(late)
    faults.merge(b'{"freeze": ""}')
    assert (early.heard, late.heard) == ([True, False], [True, False])
