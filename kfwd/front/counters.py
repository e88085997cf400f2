"""What a front counts. Written on the data path, read by sampling."""

from __future__ import annotations


class Counters:
    """Connections and bytes; `received` came from the pod."""

    __slots__ = ("failed", "open", "received", "sent", "total", "waiting")

    def __init__(self) -> None:
        self.open = 0
        self.waiting = 0
        self.total = 0
        self.failed = 0
        self.received = 0
        self.sent = 0
