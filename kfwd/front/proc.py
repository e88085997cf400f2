"""What Linux tells of TCP sockets, and of the processes that have them open (/proc, proc(5)).

For its tables of sockets the kernel goes over all it has, which takes milliseconds; one socket it
tells of in microseconds, by netlink.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from msgspec import Struct

from kfwd.wire import sock_diag
from kfwd.wire.sock_diag import End, IpAddress

PROC = Path("/proc")
_LISTEN = "0A"
_NOBODYS = "0"
"""The inode of a socket that was closed and lives on in the kernel; its user is told as root."""

ASK_S = 1.0
"""The kernel's answer is there when the question was sent."""


class Row(Struct, frozen=True):
    """What the table says of one end: its socket's inode and its user."""

    inode: str
    uid: int


def end_of(name: tuple[str, int]) -> End:
    """A socket's own or peer name, as the tables are compared with it."""
    return _plain(ipaddress.ip_address(name[0].partition("%")[0])), name[1]


def connected(local: End, remote: End, proc: Path = PROC) -> Row | None:
    """The socket at `local` that is connected to `remote`, while a process has it open."""
    if proc == PROC and (row := _asked(local, remote)) is not None:
        return row
    rows = (row_of(table, local, remote) for table in _tables(proc))
    return next((row for row in rows if row is not None), None)


def _asked(local: End, remote: End) -> Row | None:
    """By netlink; None where it does not tell."""
    family = getattr(socket, "AF_NETLINK", None)
    if family is None:
        return None
    try:
        with socket.socket(family, socket.SOCK_RAW, sock_diag.NETLINK_SOCK_DIAG) as sock:
            sock.settimeout(ASK_S)
            sock.send(sock_diag.question(local, remote))
            found = sock_diag.answer(sock.recv(sock_diag.ANSWER_MAX), local, remote)
    except OSError:
        return None
    return Row(inode=str(found.inode), uid=found.uid) if found and found.inode else None


def all_connected(pairs: Collection[tuple[End, End]], proc: Path = PROC) -> dict[str, int]:
    """The index in `pairs` (local, remote) of each socket that is so connected, by its inode."""
    wanted = {pair: index for index, pair in enumerate(pairs)}
    ports = {(local[1], remote[1]) for local, remote in wanted}
    found: dict[str, int] = {}
    for table in _tables(proc):
        for fields in _rows(table):
            if (_port(fields[1]), _port(fields[2])) in ports:
                pair = (_end(fields[1]), _end(fields[2]))
                if (index := wanted.get(pair)) is not None:
                    found[fields[9]] = index
    return found


def listening(port: int, proc: Path = PROC) -> set[str]:
    """Inodes of the sockets that listen on `port`."""
    return {inode for table in _tables(proc) for inode in listening_inodes(table, port)}


def row_of(table: str, local: End, remote: End) -> Row | None:
    """The row of the socket at `local` that is connected to `remote`."""
    for fields in _rows(table):
        if fields[9] != _NOBODYS and _is(fields[1], local) and _is(fields[2], remote):
            return Row(inode=fields[9], uid=int(fields[7]))
    return None


def listening_inodes(table: str, port: int) -> set[str]:
    return {
        fields[9] for fields in _rows(table) if fields[3] == _LISTEN and _port(fields[1]) == port
    }


def socket_link(inode: str) -> str:
    """What a descriptor of that socket points to."""
    return f"socket:[{inode}]"


def processes(proc: Path = PROC) -> Iterator[Path]:
    """The folders of all processes."""
    return (entry for entry in proc.iterdir() if entry.name.isdigit())


def descriptors(pid: Path) -> Iterator[str]:
    """What the open descriptors of a process point to; nothing for another user's process."""
    try:
        entries = list((pid / "fd").iterdir())
    except OSError:
        return
    for entry in entries:
        try:
            yield str(entry.readlink())
        except OSError:
            continue


def _tables(proc: Path) -> Iterator[str]:
    for name in ("tcp", "tcp6"):
        try:
            yield (proc / "net" / name).read_text()
        except OSError:
            continue


def _rows(table: str) -> Iterator[list[str]]:
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9:
            yield fields


def _is(field: str, end: End) -> bool:
    return _port(field) == end[1] and _address(field) == end[0]


def _end(field: str) -> End:
    return _address(field), _port(field)


def _port(field: str) -> int:
    return int(field.rpartition(":")[2], 16)


def _address(field: str) -> IpAddress:
    """The kernel prints each 32 bits of an address as a number of this machine."""
    digits = field.partition(":")[0]
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    return _plain(ipaddress.ip_address(b"".join(word.to_bytes(4, sys.byteorder) for word in words)))


def _plain(address: IpAddress) -> IpAddress:
    """An IPv4 address also where a socket of the other family holds it."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
