"""Whether a session's peer is still there: when to ask, and when silence is death. Pure.

Rules of this file (design section 4, rule 6). A session with streams asks every 5 s, one at rest
every 30 s. An answer that is late by 1 s is asked for again, and 8 s after that without a single
byte the session is dead, so that a frozen path is noticed within 14 s. A session that is held back
is never declared dead here: its answers may be stuck behind bytes we or the pod do not take, or
that a slow path has not carried yet, and only TCP speaks for it (`kfwd.kube.window`). When the
machine slept or the network changed, all ask at once.
"""

from __future__ import annotations

from msgspec import Struct

BUSY_S = 5.0
REST_S = 30.0
LATE_S = 1.0
DEAD_S = 8.0
SILENT_S = 10.0

GIVEN_UP = "the server answers no more"
"""Why a session ends that is declared dead."""


class Check(Struct, frozen=True):
    """What to do now, and in how many seconds to ask again."""

    ping: bool
    dead: bool
    again_s: float


class Liveness:
    """Times are seconds of one monotonic clock."""

    def __init__(self, now: float) -> None:
        self._heard = self._before = now
        self._asked = now
        self._asked_again: float | None = None
        self.doubted = False
        """Whether what was heard says nothing any more."""
        self._unanswered: float | None = None
        self.round_trip_s: float | None = None
        """From the last PING to its answer."""

    def heard(self, now: float) -> None:
        """Something arrived."""
        self._before, self._heard = self._heard, now
        self._asked_again = None
        self.doubted = False

    def doubt(self, now: float) -> None:
        """What was heard until now says nothing any more: the next check asks."""
        self.doubted = True
        if self._asked_again is None:
            self._asked = now - REST_S

    def ended(self) -> None:
        """What arrived last is the end itself, which ends no silence."""
        self._heard = self._before

    @property
    def heard_at(self) -> float:
        """When anything arrived last; the start, if nothing has."""
        return self._heard

    def excuse(self, now: float) -> None:
        """Start over: we could not have heard anything until now."""
        self.heard(now)
        self._asked = now
        self._unanswered = None

    def silent(self, now: float) -> bool:
        """Whether nothing has arrived for so long that a new stream should ask first."""
        return self.doubted or now - self._heard >= SILENT_S

    def asked(self, now: float) -> None:
        """A PING was sent for another reason."""
        self._asked = self._unanswered = now

    def answered(self, now: float) -> None:
        """The answer to a PING arrived."""
        if self._unanswered is not None:
            self.round_trip_s = now - self._unanswered
            self._unanswered = None

    def check(self, now: float, *, busy: bool, held_back: bool) -> Check:
        """Decide at `now`; call again after `again_s` seconds, or when `busy` becomes true."""
        if self._asked_again is not None:
            left = self._asked_again + DEAD_S - now
            if left > 0:
                return Check(False, False, left)
            if not held_back:
                return Check(False, True, 0.0)
            self._asked_again = None
        elif self._asked > self._heard:
            left = self._asked + LATE_S - now
            if left > 0:
                return Check(False, False, left)
            self._asked_again = now
            return Check(True, False, DEAD_S)
        left = self._asked + (BUSY_S if busy else REST_S) - now
        if left > 0:
            return Check(False, False, left)
        self._asked = self._unanswered = now
        return Check(True, False, LATE_S)
