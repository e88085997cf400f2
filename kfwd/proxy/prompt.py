"""A coroutine that goes on within the very call that brought what it waits for.

A task goes on in a later turn of the event loop than the one in which its future is done. Where
bytes only pass through, those turns cost as much as what is done in them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any


class Prompt:
    """Has a coroutine, its `life`, run in the task that awaits `run`.

    A life may await anything, and besides `rest()`, which lasts until `stir()`. Like the wait for a
    condition variable it may end for no reason: whoever rests looks again.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._life: Coroutine[Any, Any, None]
        self._task: asyncio.Task[Any]
        self._parked: asyncio.Future[None]  # what the task waits for while its life rests
        self._awaited: Any = None  # what the life waits for; it rests where that is this object
        self._ended = False
        self._error: BaseException | None = None

    @coroutine
    def rest(self) -> Generator[Any, None, None]:
        yield self

    def stir(self) -> None:
        """Have a life that rests go on: at once, but not within the turn of another task.

        One whose task was cancelled, or is about to go on, is left to that.
        """
        if self._awaited is not self or self._parked.done():
            return
        if asyncio.current_task(self._loop) is None:
            asyncio.tasks._enter_task(self._loop, self._task)
            try:
                self._step()
            finally:
                asyncio.tasks._leave_task(self._loop, self._task)
            if self._awaited is self:
                return
            self._mark(False)
        if not self._parked.done():
            self._parked.set_result(None)

    @coroutine
    def run(self, life: Coroutine[Any, Any, None]) -> Generator[Any, None, None]:
        """Raises what `life` does; cancelling the task cancels it."""
        task = asyncio.current_task()
        assert task is not None
        self._life, self._task = life, task
        self._step()
        while not self._ended:
            try:
                yield from self._wait()
            except BaseException as error:  # for the life to deal with
                self._forgo(error)
        if self._error is not None:
            raise self._error

    def _wait(self) -> Generator[Any, None, None]:
        """Wait for what the life waits for, and have it go on."""
        if self._awaited is self:
            self._parked = self._loop.create_future()
            yield from self._parked
            if self._awaited is not self:
                return  # it went on, to something that a task has to wait for
        else:
            self._mark(True)
            yield self._awaited
        self._step()

    def _mark(self, marked: bool) -> None:
        """`await` marks a future for the task that gets it; till then nobody else may await it."""
        if asyncio.isfuture(self._awaited):
            self._awaited._asyncio_future_blocking = marked

    def _forgo(self, error: BaseException) -> None:
        """Do not wait on. What can be cancelled in the place of the life is, and waited for."""
        cancels = isinstance(error, asyncio.CancelledError) and asyncio.isfuture(self._awaited)
        if not (self._ended or (cancels and self._awaited.cancel())):
            self._step(error)

    def _step(self, error: BaseException | None = None) -> None:
        """Have the life go on until it waits again, or ends."""
        self._awaited = None
        try:
            life = self._life
            self._awaited = life.send(None) if error is None else life.throw(error)
        except StopIteration:
            self._ended = True
        except BaseException as raised:  # `run` raises it, in the task
            self._ended, self._error = True, raised
