"""The one place that starts tasks: each has a name, an owner that keeps it, and an end."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

log = logging.getLogger(__name__)

STOP_S = 5.0
T = TypeVar("T")
_Call = tuple[Future[Any], Callable[[], Any]]


class TaskSet:
    """The tasks of one owner. `close()` cancels what still runs and says what did not stop."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, coroutine: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Start a task that this set owns. A failure nobody awaits is logged, never lost."""
        task = asyncio.get_running_loop().create_task(coroutine, name=f"{self.name}/{name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task %s failed", task.get_name(), exc_info=error)

    async def close(self, timeout: float = STOP_S) -> list[str]:
        """Cancel every task, wait at most `timeout` seconds, return the names still running."""
        current = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not current]
        for task in tasks:
            task.cancel()
        if not tasks:
            return []
        _, running = await asyncio.wait(tasks, timeout=timeout)
        stuck = sorted(task.get_name() for task in running)
        if stuck:
            log.error("%s: did not stop within %g s: %s", self.name, timeout, ", ".join(stuck))
        return stuck


async def either(*waits: Coroutine[Any, Any, Any]) -> None:
    """Return when one of them does; the others are cancelled."""
    tasks = TaskSet("either")
    try:
        running = [tasks.spawn(wait, str(number)) for number, wait in enumerate(waits)]
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await tasks.close()


async def in_thread(
    call: Callable[[], T], name: str, *, discard: Callable[[T], object] = lambda answer: None
) -> T:
    """What a call that blocks returns or raises.

    Nothing waits for it once the caller was cancelled: what it still returns goes to `discard`, and
    the process may end before. `asyncio.to_thread` would hold up the exit until it has returned.
    """
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()
    threading.Thread(target=_settle, args=(future, call), name=name, daemon=True).start()
    try:
        return await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        future.add_done_callback(lambda done: done.exception() or discard(done.result()))
        raise


class Threads:
    """For calls that may block for long, as those of `in_thread`: at most `most` run at a time, and
    `waiting` more wait for their turn. A thread ends when nothing waits.
    """

    def __init__(self, name: str, *, most: int, waiting: int) -> None:
        self._name, self._most, self._places = name, most, waiting
        self._calls: deque[_Call] = deque()
        self._running = 0
        self._lock = threading.Lock()

    def run(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """What `call` will return or raise; cancelled, it is not made if it still waits.

        Raises `OverflowError` when no place is left to wait, or the system gives no thread.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._running < self._most:
                self._start((future, call))
                self._running += 1
            elif len(self._calls) < self._places:
                self._calls.append((future, call))
            else:
                raise OverflowError(f"{self._name}: {self._most} run, {self._places} wait")
        return asyncio.wrap_future(future)

    def _start(self, first: _Call) -> None:
        thread = threading.Thread(target=self._work, args=(first,), name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # a service, or a container, may have so many tasks
            raise OverflowError(f"{self._name}: {error}") from error

    def _work(self, waiting: _Call | None) -> None:
        while waiting is not None:
            if waiting[0].set_running_or_notify_cancel():
                _settle(*waiting)
            waiting = self._next()

    def _next(self) -> _Call | None:
        with self._lock:
            if self._calls:
                return self._calls.popleft()
            self._running -= 1
            return None


def _settle(future: Future[T], call: Callable[[], T]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:  # it is raised where the answer is awaited
        future.set_exception(error)
