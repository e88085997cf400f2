"""Connections that wait for a session to one pod, and the dials that are under way."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from kfwd.errors import KfwdError
from kfwd.tunnel.stream import Flow, Opening


class Queue:
    """First come, first served."""

    def __init__(self) -> None:
        self._openings: deque[Opening] = deque()
        self._dialled: Counter[int | None] = Counter()  # by the port of whom it is for
        self.dialling = 0
        """Dials under way."""

    def __len__(self) -> int:
        """How many wait."""
        return len(self._openings)

    def add(self, opening: Opening) -> None:
        self._openings.append(opening)

    def remove(self, opening: Opening) -> bool:
        """Whether it was still waiting."""
        if opening not in self._openings:
            return False
        self._openings.remove(opening)
        return True

    def dial(self) -> int | None:
        """One dial more: for a connection to this port, or for none that waits."""
        port = self._next_port()
        self._dialled[port] += 1
        self.dialling += 1
        return port

    def dial_ended(self, port: int | None) -> None:
        self._dialled[port] -= 1
        self.dialling -= 1

    def serve(self, open_: Callable[[Opening], Flow]) -> None:
        """Open a stream for the first."""
        self._serve(self._openings.popleft(), open_)

    def serve_port(self, port: int, open_: Callable[[Opening], Flow]) -> bool:
        """Open a stream for the first that wants this port; False where none does."""
        opening = next((each for each in self._openings if each.port == port), None)
        if opening is None:
            return False
        self._openings.remove(opening)
        return self._serve(opening, open_)

    def fail(self, error: KfwdError) -> None:
        """There will be no session for those who wait."""
        while self._openings:
            self._openings.popleft().fail(error)

    def _serve(self, opening: Opening, open_: Callable[[Opening], Flow]) -> bool:
        wanted = not opening.stream.done()
        if wanted:
            opening.stream.set_result(open_(opening))
        return wanted

    def _next_port(self) -> int | None:
        """The port of the first that no dial is under way for."""
        ahead = self._dialled.copy()
        for opening in self._openings:
            if not ahead[opening.port]:
                return opening.port
            ahead[opening.port] -= 1
        return None
