"""Makes an entry of each thing that is wanted, with what all entries of a daemon share."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, MutableMapping

from kfwd.daemon.kept_ports import KeptPorts
from kfwd.entries.entry import Context, Entry
from kfwd.entries.forward import Forward
from kfwd.entries.gateway import Gateway
from kfwd.entries.proxy import Proxy
from kfwd.front.replay import Budget
from kfwd.model import EntryView, ForwardSpec, GatewaySpec, ProxySpec, Wanted

KINDS: dict[type, type[Forward] | type[Proxy]] = {
    ForwardSpec: Forward,
    ProxySpec: Proxy,
    GatewaySpec: Gateway,
}

Inherited = Mapping[str, MutableMapping[str, socket.socket]]
"""Bound sockets of the process before: entry id -> address -> socket."""


class Factory:
    """`ports` is the table of free ports that were chosen, `changed` is told of a new one."""

    def __init__(
        self,
        ports: MutableMapping[str, dict[str, int]],
        changed: Callable[[], None],
        inherited: Inherited | None,
    ) -> None:
        self._ports = ports
        self._changed = changed
        self._inherited = inherited or {}
        self._budget = Budget()

    def make(self, wanted: Wanted, context: Context, show: Callable[[EntryView], None]) -> Entry:
        """The entry, which is not bound yet. `show` gets its view whenever that changes."""
        inherited = self._inherited.get(wanted.id)
        return KINDS[type(wanted.spec)](
            wanted,
            context,
            budget=self._budget,
            kept=KeptPorts(self._ports, wanted.id, self._changed, inherited),
            show=show,
        )
