"""Those who want to be told that something changed. They look for themselves at what."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

Wake = Callable[[], None]

AT_ONCE = 16
"""So many are called in one turn of the loop. What each does then takes about 0.1 ms, and bytes on
their way wait for all that is done in a turn."""


class Subscribers:
    """Callbacks, called in the order they came. They must be quick and must not block."""

    def __init__(self) -> None:
        self._wakes: dict[object, Wake] = {}
        self._due: dict[object, None] = {}
        self._calling = False

    def add(self, wake: Wake) -> Callable[[], None]:
        """Have `wake` called on every change, until the function that is returned is called."""
        key = object()
        self._wakes[key] = wake

        def remove() -> None:
            self._wakes.pop(key, None)

        return remove

    def wake(self) -> None:
        """Call everybody, the first 16 now. One that fails is logged, and hinders no other."""
        self._due.update(dict.fromkeys(self._wakes))
        if not self._calling:
            self._calling = True
            self._call_some()

    def _call_some(self) -> None:
        for key in list(self._due)[:AT_ONCE]:
            del self._due[key]
            if (wake := self._wakes.get(key)) is not None:
                self._call(wake)
        if self._due:
            asyncio.get_running_loop().call_soon(self._call_some)
        else:
            self._calling = False

    def _call(self, wake: Wake) -> None:
        try:
            wake()
        except Exception:
            log.exception("a subscriber failed")
