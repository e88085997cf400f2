"""Which listeners cannot be bound side by side. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from kfwd.model import PortSpec
from kfwd.yamldoc import Fault

LOCALHOST = ("127.0.0.1", "::1")
_ANY = {"0.0.0.0": 4, "::": 6}  # noqa: S104  # compared with, never bound here


class Listener(Struct, frozen=True):
    """A socket that an entry binds: `address` with `port`, or `unix:/path` with port 0."""

    entry: str
    address: str
    port: int
    line: int
    column: int

    def __str__(self) -> str:
        if self.address.startswith("unix:"):
            return self.address
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"

    @property
    def slot(self) -> str | int:
        """Listeners of different slots never clash."""
        return self.address if self.address.startswith("unix:") else self.port


Taken: TypeAlias = Mapping[str | int, Sequence[tuple[str, Listener]]]
"""Listeners with the profiles they belong to, by slot."""


def listeners(
    entry: str, addresses: Sequence[str], port: PortSpec, line: int, column: int
) -> list[Listener]:
    """What one port of a forward binds; a free local port (0) clashes with nothing."""
    plain = [
        a for address in addresses for a in (LOCALHOST if address == "localhost" else [address])
    ]
    found = []
    for address in dict.fromkeys(plain):
        if address.startswith("unix:"):
            found.append(Listener(entry, address, 0, line, column))
        elif port.local:
            found.append(Listener(entry, address, port.local, line, column))
    return found


def inside(found: Iterable[Listener]) -> list[Fault]:
    """Clashes within one profile: one fault for each port that an earlier one takes."""
    earlier: dict[str | int, list[Listener]] = defaultdict(list)
    faults: dict[tuple[int, int], Fault] = {}
    for listener in found:
        for other in earlier[listener.slot]:
            if (
                _clash(listener, other)
                and (place := (listener.line, listener.column)) not in faults
            ):
                message = f'{listener} is taken by "{other.entry}" in line {other.line}'
                faults[place] = Fault(*place, message)
        earlier[listener.slot].append(listener)
    return list(faults.values())


def taken(found: Iterable[tuple[str, Listener]]) -> Taken:
    """What `between` looks in, of (profile, listener): made once, however many are compared."""
    by_slot: dict[str | int, list[tuple[str, Listener]]] = defaultdict(list)
    for profile, listener in found:
        by_slot[listener.slot].append((profile, listener))
    return by_slot


def between(own: str, found: Iterable[Listener], others: Taken) -> list[Fault]:
    """Clashes of `found`, which are those of the profile `own`, with other profiles' listeners."""
    faults: dict[tuple[int, int], Fault] = {}
    for listener in found:
        for profile, other in others.get(listener.slot, ()):
            place = (listener.line, listener.column)
            if profile != own and place not in faults and _clash(listener, other):
                message = f"{listener} is taken by {profile}/{other.entry}"
                faults[place] = Fault(*place, message)
    return list(faults.values())


def _clash(one: Listener, other: Listener) -> bool:
    if one.slot != other.slot:
        return False
    if one.address == other.address:
        return True
    return _covers(one.address, other.address) or _covers(other.address, one.address)


def _covers(wildcard: str, address: str) -> bool:
    return _ANY.get(wildcard) == (6 if ":" in address else 4)
