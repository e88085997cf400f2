"""How long each entry served, by the hour. Pure.

`ready` and `degraded` are up; a pause counts as neither. Time in which the daemon did not run or
the machine slept is not measured, and so counts as neither too.
"""

from __future__ import annotations

from kfwd.daemon.history_file import HOUR_S, Spent
from kfwd.model import State

UP = {State.READY: True, State.DEGRADED: True}
DOWN = {State.STARTING: False, State.WAITING: False, State.FAILED: False}
COUNTED = {**UP, **DOWN}


class Uptime:
    """`now` are seconds of a monotonic clock, `at` seconds since the epoch."""

    def __init__(self) -> None:
        self._states: dict[str, tuple[State, float]] = {}
        self._spent: dict[tuple[str, int], Spent] = {}

    def enter(self, entry: str, state: State, now: float, at: float) -> None:
        """The entry is in `state` from now on."""
        self._count(entry, now, at)
        self._states[entry] = (state, now)

    def leave(self, entry: str, now: float, at: float) -> None:
        """The entry is no more."""
        self._count(entry, now, at)
        self._states.pop(entry, None)

    def take(self, now: float, at: float) -> dict[tuple[str, int], Spent]:
        """What was spent since the last time, by entry and hour."""
        for entry, (state, _) in list(self._states.items()):
            self.enter(entry, state, now, at)
        taken, self._spent = self._spent, {}
        return taken

    def _count(self, entry: str, now: float, at: float) -> None:
        state, since = self._states.get(entry, (State.STOPPING, now))
        if state not in COUNTED or now <= since:
            return
        spent = self._spent.setdefault((entry, int(at // HOUR_S * HOUR_S)), Spent())
        if COUNTED[state]:
            spent.up_s += now - since
        else:
            spent.down_s += now - since
