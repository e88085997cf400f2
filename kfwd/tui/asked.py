"""The answer to a question that changes: asked again when it is another one, once at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from kfwd.errors import KfwdError
from kfwd.tui.calls import Calls

T = TypeVar("T")


class Asked(Generic[T]):
    """`answer` or `error` is what came of `question`, the last one that was answered.

    `came` is called on the event loop after each answer; it may ask the next question.
    """

    def __init__(self, calls: Calls, came: Callable[[], None]) -> None:
        self.question: object = None
        self.answer: T | None = None
        self.error: KfwdError | None = None
        self._calls = calls
        self._came = came
        self._busy = False

    def ask(self, question: object, call: Callable[[], T]) -> None:
        """Make the call in a thread, unless the question is answered or one is under way."""
        if self._busy or question == self.question:
            return
        self._busy = True
        self._calls.start(
            call,
            lambda answer: self._take(question, answer, None),
            lambda error: self._take(question, None, error),
        )

    def _take(self, question: object, answer: T | None, error: KfwdError | None) -> None:
        self._busy = False
        self.question, self.answer, self.error = question, answer, error
        self._came()
