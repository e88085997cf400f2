"""What the Linux kernel tells of addresses and routes (rtnetlink(7), linux/rtnetlink.h).

Only what may change the way to a server counts. Left out are link-local and multicast places, which
come and go with every container, addresses that are not usable yet, and messages that repeat what
is known: IPv6 addresses are told again with every router advertisement. A link that goes down takes
its IPv4 routes with it without a word, so what is known of it is forgotten.
"""

from __future__ import annotations

import struct
from collections.abc import Hashable
from typing import NamedTuple

from kfwd.wire import netlink

_ADDRESS = struct.Struct("=BBBBI")  # ifaddrmsg: family, prefix, flags, scope, interface
_ROUTE = struct.Struct("=BBBBBBBBI")  # rtmsg: family, dst, src, tos, table, by, scope, type, flags
_LINK = struct.Struct("=BxHiII")  # ifinfomsg: family, type, interface, flags, change
_ATTRIBUTE = struct.Struct("=HH")
_NUMBER = struct.Struct("=I")

_NEW_LINK, _DEL_LINK, _NEW_ADDRESS, _DEL_ADDRESS, _NEW_ROUTE, _DEL_ROUTE = 16, 17, 20, 21, 24, 25
_RUNNING = 0x40

_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_TENTATIVE = 0x40
_SCOPE_LINK = 253
"""This and what is above reaches no further than a link or the host itself."""

_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_MULTIPATH, _RTA_TABLE = 1, 4, 5, 6, 9, 15
_RTA_VIA = 18
_WAYS = {1, 6, 7, 8}
"""Types of route: unicast, blackhole, unreachable, prohibit."""

_CLONED = 0x200
_INET6 = 10

FACTS_MAX = 10_000
"""Most addresses and routes that are remembered; beyond, all of them count as new again."""


class _Fact(NamedTuple):
    """`what` a message is about, and what it says of it."""

    what: Hashable
    interface: int | None
    says: Hashable = None


class Network:
    """The addresses and routes that were told of."""

    def __init__(self) -> None:
        self._known: dict[Hashable, _Fact] = {}

    def changed(self, data: bytes) -> bool:
        """Take in one datagram. Whether it tells of a change, or may have and is cut short."""
        told = [self._take(kind, body) for kind, body in netlink.messages(data)]
        return any(told)

    def _take(self, kind: int, body: bytes) -> bool:
        try:
            if kind in {_NEW_LINK, _DEL_LINK}:
                self._link(kind, body)
                return False
            fact = _fact(kind, body)
        except struct.error:
            return True
        if fact is None:
            return kind == netlink.OVERRUN
        if kind in {_DEL_ADDRESS, _DEL_ROUTE}:
            self._known.pop(fact.what, None)
            return True
        before = self._known.get(fact.what)
        if len(self._known) >= FACTS_MAX:
            self._known.clear()
        self._known[fact.what] = fact
        return before != fact

    def _link(self, kind: int, body: bytes) -> None:
        _, _, interface, flags, _ = _LINK.unpack_from(body)
        if kind == _DEL_LINK or not flags & _RUNNING:
            known = self._known.items()
            self._known = {what: fact for what, fact in known if fact.interface != interface}


def _fact(kind: int, body: bytes) -> _Fact | None:
    """What a message says; None where that is of no interest. Raises `struct.error`."""
    if kind in {_NEW_ADDRESS, _DEL_ADDRESS}:
        return _address(body)
    if kind in {_NEW_ROUTE, _DEL_ROUTE}:
        return _route(body)
    return None


def _address(body: bytes) -> _Fact | None:
    family, prefix, flags, scope, interface = _ADDRESS.unpack_from(body)
    told = _attributes(body[_ADDRESS.size :])
    if _IFA_FLAGS in told:
        (flags,) = _NUMBER.unpack(told[_IFA_FLAGS])
    if scope >= _SCOPE_LINK or flags & _TENTATIVE:
        return None
    address = told.get(_IFA_LOCAL) or told.get(_IFA_ADDRESS)
    return _Fact(("address", family, prefix, interface, address), interface)


def _route(body: bytes) -> _Fact | None:
    family, prefix, _, tos, table, _, _, sort, flags = _ROUTE.unpack_from(body)
    told = _attributes(body[_ROUTE.size :])
    place = told.get(_RTA_DST, b"")
    if sort not in _WAYS or flags & _CLONED or (family == _INET6 and _near(place)):
        return None
    which = (told.get(_RTA_TABLE, table), told.get(_RTA_PRIORITY), tos)
    ways = tuple(told.get(each) for each in (_RTA_GATEWAY, _RTA_VIA, _RTA_MULTIPATH))
    interface = _NUMBER.unpack(told[_RTA_OIF])[0] if _RTA_OIF in told else None
    return _Fact(("route", family, prefix, place, *which), interface, (sort, ways))


def _near(place: bytes) -> bool:
    """Link-local (fe80::/10) or multicast (ff00::/8)."""
    return place[:1] == b"\xff" or (place[:1] == b"\xfe" and place[1:2] >= b"\x80")


def _attributes(data: bytes) -> dict[int, bytes]:
    """rtattr: length and type, then the value. Raises `struct.error` where one is cut short."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if not _ATTRIBUTE.size <= length <= len(data) - at:
            raise struct.error("an attribute is cut short")
        found[kind & 0x3FFF] = data[at + _ATTRIBUTE.size : at + length]
        at += netlink.aligned(length)
    return found
