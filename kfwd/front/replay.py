"""What a connection has sent so far, kept until the pod answers, within two bounds."""

from __future__ import annotations

CONNECTION_MAX = 256 * 1024
DAEMON_MAX = 64 * 1024 * 1024


class Budget:
    """Bytes that all connections of a daemon together may keep."""

    def __init__(self, limit: int = DAEMON_MAX) -> None:
        self._left = limit

    def take(self, count: int) -> bool:
        if count > self._left:
            return False
        self._left -= count
        return True

    def give(self, count: int) -> None:
        self._left += count


class Replay:
    """The bytes of one connection in order, or nothing once they are too many or not needed."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._kept: bytearray | None = bytearray()

    @property
    def complete(self) -> bool:
        """Whether everything that was sent is here."""
        return self._kept is not None

    def keep(self, data: bytes | memoryview) -> None:
        """Note bytes as sent."""
        if self._kept is None:
            return
        if len(self._kept) + len(data) > CONNECTION_MAX or not self._budget.take(len(data)):
            self.drop()
        else:
            self._kept += data

    def drop(self) -> None:
        """Forget for good: the pod answered, or it was too much."""
        if self._kept is not None:
            self._budget.give(len(self._kept))
            self._kept = None

    def bytes(self) -> bytes:
        """All that was sent. Only while `complete`."""
        assert self._kept is not None
        return bytes(self._kept)
