"""Getting a local port, and getting it again: a busy one is tried until it is free."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import MutableMapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from kfwd.entries.states import Fault, fault_of
from kfwd.errors import KfwdError
from kfwd.front.holder import port_holder
from kfwd.front.listener import PortInUse

PATIENCE = 3
"""How often a free port that was kept is tried before another one is taken."""

NAME_EVERY = 15
"""Who has a busy port is found out at the first try and then every so many."""


class FreePorts(Protocol):
    """The free ports chosen for one entry, kept over restarts. Keys are the ports' own.

    `inherited` are sockets that the process before has bound for it, by where they listen.
    """

    inherited: MutableMapping[str, socket.socket]

    def get(self, key: str) -> int | None: ...

    def keep(self, key: str, port: int) -> None: ...


class Binds(Protocol):
    """`front.door.Door.bind`."""

    def __call__(
        self, addresses: Sequence[str], port: int, inherited: MutableMapping[str, socket.socket]
    ) -> tuple[str, ...]: ...


class Binding:
    """One local port on some addresses. `bind` (of a front or a server) does it, or raises.

    `port` 0 asks for a free one; `key` tells it from the entry's other ports in `kept`.
    """

    def __init__(
        self,
        port: int,
        addresses: tuple[str, ...],
        kept: FreePorts,
        key: str,
        bind: Binds,
    ) -> None:
        self.fault: Fault | None = None
        self.addresses: tuple[str, ...] = ()
        self._port = port
        self._wanted = addresses
        self._kept = kept
        self._key = key
        self._bind = bind
        self._busy = 0
        self._name_after = 0
        self._in_use: PortInUse | None = None
        self._holder: str | None = None

    @property
    def bound(self) -> bool:
        return bool(self.addresses)

    @property
    def number(self) -> int | None:
        """The local TCP port, if it is bound to one."""
        tcp = (each for each in self.addresses if not each.startswith("unix:"))
        return next((int(address.rpartition(":")[2]) for address in tcp), None)

    def bind(self) -> None:
        """Try to listen. A free port is the one it was before; `bound` says whether it worked."""
        if self.bound:
            return
        local = self._port or (self._busy < PATIENCE and self._kept.get(self._key)) or 0
        try:
            self.addresses = self._bind(self._wanted, local, self._kept.inherited)
        except KfwdError as error:
            self._note(error)
            return
        self.fault = self._in_use = self._holder = None
        if not self._port and self.number is not None:
            self._kept.keep(self._key, self.number)

    async def name_holder(self) -> None:
        """Say who has the port. Every process is looked at: in a thread, and not every time."""
        if self._in_use is not None and self._in_use.port and self._busy > self._name_after:
            self._name_after = self._busy + NAME_EVERY
            self._holder = await asyncio.to_thread(port_holder, self._in_use.port)
            self._note_in_use(self._in_use)

    def _note(self, error: KfwdError) -> None:
        if isinstance(error, PortInUse):
            self._busy += 1
            self._note_in_use(error)
        else:
            fault = fault_of(error)
            self.fault = Fault(fault.problem, heals=error.code != "port-privileged")

    def _note_in_use(self, error: PortInUse) -> None:
        self._in_use = error
        fault = fault_of(error)
        if self._holder is not None:
            text = f"{error.text} by {self._holder}"
            fault = Fault(replace(fault.problem, text=text), heals=fault.heals)
        self.fault = fault
