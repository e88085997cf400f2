"""Which local process is at the other end of an accepted socket, where the system tells.

Linux does: /proc/net/tcp has the inode of each end (proc(5)), /proc/PID/fd says whose it is, unless
that is another user's process. A unix socket knows its peer (SO_PEERCRED, unix(7)).
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from kfwd.front.holder import descriptors, processes

RECENT_MAX = 16
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
End = tuple[IpAddress, int]


class Row(Struct, frozen=True):
    """What the table says of one end: its socket's inode and its user."""

    inode: str
    uid: int


def row_of(table: str, local: End, remote: End) -> Row | None:
    """The row of the socket at `local` that is connected to `remote`."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and _is(fields[1], local) and _is(fields[2], remote):
            return Row(inode=fields[9], uid=int(fields[7]))
    return None


def _is(field: str, end: End) -> bool:
    return _port(field) == end[1] and _address(field) == end[0]


def _port(field: str) -> int:
    return int(field.rpartition(":")[2], 16)


def _address(field: str) -> IpAddress:
    """The kernel prints each 32 bits of an address as a number of this machine."""
    digits = field.partition(":")[0]
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    return plain(ipaddress.ip_address(b"".join(word.to_bytes(4, sys.byteorder) for word in words)))


def plain(address: IpAddress) -> IpAddress:
    """An IPv4 address also where a socket of the other family holds it."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


class Processes:
    """Looks processes up. Those found lately are asked first: most clients connect often."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._recent: list[str] = []

    def of(self, sock: socket.socket) -> int | None:
        """The process that connected `sock`, an accepted socket. Blocks: reads files."""
        if sock.family == socket.AF_UNIX:
            return _unix_peer(sock)
        try:
            here, there = _end(sock.getsockname()), _end(sock.getpeername())
        except (OSError, ValueError):
            return None
        found = self._row(there, here)
        return self._holder(f"socket:[{found.inode}]") if found else None

    def _row(self, local: End, remote: End) -> Row | None:
        for name in ("tcp", "tcp6"):
            try:
                table = (self._proc / "net" / name).read_text()
            except OSError:
                continue
            if (found := row_of(table, local, remote)) is not None:
                return found
        return None

    def _holder(self, wanted: str) -> int | None:
        for pid in self._candidates():
            if wanted in descriptors(self._proc / pid):
                self._recent = [pid, *(each for each in self._recent if each != pid)][:RECENT_MAX]
                return int(pid)
        return None

    def _candidates(self) -> Iterator[str]:
        recent = list(self._recent)
        yield from recent
        try:
            others: Iterable[Path] = processes(self._proc)
            yield from (each.name for each in others if each.name not in recent)
        except OSError:
            return


def _end(name: tuple[str, int]) -> End:
    return plain(ipaddress.ip_address(name[0].partition("%")[0])), name[1]


def _unix_peer(sock: socket.socket) -> int | None:
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    try:
        data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except OSError:
        return None
    pid: int = _CREDENTIALS.unpack(data)[0]
    return pid or None
