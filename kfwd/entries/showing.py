"""What an entry shows of itself: its state, its parts, and when a new view of it goes out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from kfwd.api_doctor import Fact
from kfwd.entries import parts, states
from kfwd.entries.states import Facts, Verdict
from kfwd.model import EntryView, State, utcnow

_log = logging.getLogger(__name__)


class Showing:
    """Judges an entry and shows it, once a turn of the loop however much changed in that turn."""

    def __init__(
        self,
        id: str,
        facts: Callable[[], Facts],
        view: Callable[[], EntryView],
        show: Callable[[EntryView], None],
    ) -> None:
        self.verdict = Verdict(State.STARTING)
        self.since = utcnow()
        self.parts: tuple[Fact, ...] = ()
        self._facts = facts
        self._view = view
        self._show = show
        self._log = logging.LoggerAdapter(_log, {"entry": id})
        self._pending = False
        self._ended = False

    def changed(self) -> None:
        """What is shown may have changed."""
        if not (self._pending or self._ended):
            self._pending = True
            asyncio.get_running_loop().call_soon(self._show_now)

    def judge(self) -> None:
        """Bring verdict and parts up to now, without showing them."""
        facts = self._facts()
        old, new = self.verdict, states.judge(facts)
        self.verdict = Verdict(new.state, states.kept(old.problem, new.problem))
        self.parts = parts.kept(self.parts, parts.parts(facts))
        if new.state is not old.state:
            self.since = utcnow()
            why = f": {new.problem.text}" if new.problem else ""
            self._log.info("%s%s", new.state.value, why)

    def end(self) -> None:
        """Show nothing more."""
        self._ended = True

    def _show_now(self) -> None:
        self._pending = False
        if not self._ended:
            self.judge()
            self._show(self._view())
