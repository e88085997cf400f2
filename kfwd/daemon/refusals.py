"""Whether a context lets no session through, whichever pod it is to: one problem, not one for each
of its entries. Pure.
"""

from __future__ import annotations

from collections import OrderedDict

from kfwd.errors import UpgradeFailed
from kfwd.model import Problem

PODS_MAX = 64


class Refusals:
    """The refusals since a session came about last. `common` is what several pods met."""

    def __init__(self) -> None:
        self.common: Problem | None = None
        self._texts: OrderedDict[str, str] = OrderedDict()

    def met(self, pod: str, error: UpgradeFailed) -> bool:
        """A dial was refused. Whether `common` changed."""
        self._texts[pod] = error.text
        self._texts.move_to_end(pod)
        if len(self._texts) > PODS_MAX:
            self._texts.popitem(last=False)
        if self.common is not None or [*self._texts.values()].count(error.text) == 1:
            return False
        self.common = Problem(code=error.code, severity="error", text=error.text, hint=error.hint)
        return True

    def over(self) -> bool:
        """A session came about. Whether `common` changed."""
        changed, self.common = self.common is not None, None
        self._texts.clear()
        return changed
