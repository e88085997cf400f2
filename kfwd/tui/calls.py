"""Calls of the daemon from the TUI: in a thread, with what went wrong said on the screen.

Leaving waits for none of them: a request that was sent is carried out all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from kfwd.errors import KfwdError
from kfwd.tasks import TaskSet, in_thread

if TYPE_CHECKING:
    from kfwd.tui.app import KfwdApp

T = TypeVar("T")

MOST = 16
"""Calls under way at once; those beyond are refused, in words."""


class Calls:
    """`start` returns at once; `done` gets the answer on the event loop."""

    def __init__(self, app: KfwdApp, tasks: TaskSet) -> None:
        self._app = app
        self._tasks = tasks
        self._running = 0

    def start(
        self,
        call: Callable[[], T],
        done: Callable[[T], None] = lambda answer: None,
        failed: Callable[[KfwdError], None] | None = None,
    ) -> None:
        """Make a call that blocks. A failure goes to `failed`, else onto the screen."""
        failed = failed or self.show
        if self._running >= MOST:
            failed(KfwdError("too much is under way", hint="wait a moment"))
            return
        self._running += 1
        self._tasks.spawn(self._run(call, done, failed), "call")

    def show(self, error: KfwdError) -> None:
        """A failure in words."""
        self._app.say(error.text, hint=error.hint or "", bad=True)

    async def _run(
        self,
        call: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[KfwdError], None],
    ) -> None:
        try:
            answer = await in_thread(call, "call")
        except KfwdError as error:
            failed(error)
        else:
            done(answer)
        finally:
            self._running -= 1
