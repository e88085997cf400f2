"""The free ports that were chosen, remembered so that an entry has the same ones next time."""

from __future__ import annotations

import socket
from collections.abc import Callable, MutableMapping

MOST = 1000
"""Entries whose ports are remembered; the oldest are forgotten first."""


class KeptPorts:
    """Those of one entry, in the table of all: entry id -> the port's key -> port."""

    def __init__(
        self,
        table: MutableMapping[str, dict[str, int]],
        entry: str,
        changed: Callable[[], None],
        inherited: MutableMapping[str, socket.socket] | None = None,
    ) -> None:
        self.inherited = {} if inherited is None else inherited
        self._table = table
        self._entry = entry
        self._changed = changed

    def get(self, key: str) -> int | None:
        return self._table.get(self._entry, {}).get(key)

    def keep(self, key: str, port: int) -> None:
        if self.get(key) == port:
            return
        self._table.setdefault(self._entry, {})[key] = port
        while len(self._table) > MOST:
            del self._table[next(iter(self._table))]
        self._changed()
