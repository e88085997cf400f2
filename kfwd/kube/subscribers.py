"""Those who want to be told that something changed. They look for themselves at what."""

from __future__ import annotations

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

Wake = Callable[[], None]


class Subscribers:
    """Callbacks, called in the order they came. They must be quick and must not block."""

    def __init__(self) -> None:
        self._wakes: dict[object, Wake] = {}

    def add(self, wake: Wake) -> Callable[[], None]:
        """Have `wake` called on every change, until the function that is returned is called."""
        key = object()
        self._wakes[key] = wake

        def remove() -> None:
            self._wakes.pop(key, None)

        return remove

    def wake(self) -> None:
        """Call everybody. One that fails is logged, and hinders no other."""
        for wake in list(self._wakes.values()):
            try:
                wake()
            except Exception:
                log.exception("a subscriber failed")
