"""The upgraded connections that are open, so that faults can reach them."""

from __future__ import annotations

from typing import Literal, Protocol

from kfwd.sim.faults import Faults

Cut = Literal["eof", "reset", "backend"]
"""How a session ends: the API server's end closes its socket, resets it, or loses the node behind
it (which a tunnel's client learns late: protocol notes D.6)."""


class Session(Protocol):
    """One upgraded connection, seen by whoever breaks it."""

    def cut(self, how: Cut) -> None:
        """End it from the server's side."""

    def freeze(self, frozen: bool) -> None:
        """Stop or go on reading and writing, without ending anything."""


class Sessions:
    """The set of open sessions. It follows the `freeze` fault by itself."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._open: set[Session] = set()
        faults.on_change(self._follow)

    def __len__(self) -> int:
        return len(self._open)

    def add(self, session: Session) -> None:
        self._open.add(session)
        if self._faults.freezes_sessions:
            session.freeze(True)

    def discard(self, session: Session) -> None:
        self._open.discard(session)

    def cut(self, how: Cut = "eof") -> int:
        """End every session; returns how many there were."""
        sessions = list(self._open)
        for session in sessions:
            session.cut(how)
        return len(sessions)

    def _follow(self) -> None:
        for session in list(self._open):
            session.freeze(self._faults.freezes_sessions)
