"""Asking the Linux kernel for one TCP socket (sock_diag(7), linux/inet_diag.h). Pure."""

from __future__ import annotations

import ipaddress
import struct
from typing import NamedTuple

from kfwd.wire import netlink

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
End = tuple[IpAddress, int]

NETLINK_SOCK_DIAG = 4
ANSWER_MAX = 8192

_QUESTION = struct.Struct("=BBBxI")  # inet_diag_req_v2: family, protocol, extensions, states
_ANSWER = struct.Struct("=BBxx")  # inet_diag_msg: family, state
_ENDS = struct.Struct(">HH16s16s")  # inet_diag_sockid: ports, then addresses
_ANY = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)  # its interface and cookie
_REST = struct.Struct("=IIIII")  # expires, rqueue, wqueue, uid, inode
_BY_FAMILY, _TCP, _LISTEN = 20, 6, 10
_FAMILIES = {4: 2, 6: 10}  # AF_INET, AF_INET6
_ALL_STATES = 0xFFFFFFFF


class Found(NamedTuple):
    """A socket's inode and its user."""

    inode: int
    uid: int


def question(local: End, remote: End) -> bytes:
    """The message that asks for the socket at `local` that is connected to `remote`."""
    body = _QUESTION.pack(_FAMILIES[local[0].version], _TCP, 0, _ALL_STATES)
    return netlink.request(_BY_FAMILY, body + _ends(local, remote) + _ANY)


def answer(data: bytes, local: End, remote: End) -> Found | None:
    """What the kernel answered; None where it has no such socket.

    Without one it looks for a listener on the port, which is somebody else's.
    """
    kind, body = next(netlink.messages(data), (netlink.OVERRUN, b""))
    ends = _ANSWER.size
    rest = ends + _ENDS.size + len(_ANY)
    if kind != _BY_FAMILY or len(body) < rest + _REST.size:
        return None
    _, state = _ANSWER.unpack_from(body)
    if state == _LISTEN or not _same(body[ends : ends + _ENDS.size], local, remote):
        return None
    *_, uid, inode = _REST.unpack_from(body, rest)
    return Found(inode, uid)


def _ends(local: End, remote: End) -> bytes:
    return _ENDS.pack(local[1], remote[1], local[0].packed, remote[0].packed)


def _same(told: bytes, local: End, remote: End) -> bool:
    """Whether these are the ends that were asked for; IPv4 may be told as IPv6 has it."""
    local_port, remote_port, here, there = _ENDS.unpack(told)
    return (local_port, remote_port) == (local[1], remote[1]) and all(
        packed[: len(end.packed)] == end.packed or packed == _mapped(end)
        for packed, end in ((here, local[0]), (there, remote[0]))
    )


def _mapped(address: IpAddress) -> bytes:
    return (bytes(10) + b"\xff\xff" + address.packed)[-16:]
