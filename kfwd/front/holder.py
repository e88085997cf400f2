"""Which process listens on a local TCP port, where the system tells (Linux: /proc)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

LISTEN = "0A"


def listening_inodes(table: str, port: int) -> set[str]:
    """Socket inodes that listen on `port`, from the text of /proc/net/tcp or tcp6 (proc(5))."""
    found = set()
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == LISTEN:
            _, _, local_port = fields[1].rpartition(":")
            if int(local_port, 16) == port:
                found.add(fields[9])
    return found


def port_holder(port: int, proc: Path = Path("/proc")) -> str | None:
    """`NAME (pid N)` of who listens on `port`, or None where that cannot be told."""
    inodes: set[str] = set()
    for name in ("tcp", "tcp6"):
        try:
            inodes |= listening_inodes((proc / "net" / name).read_text(), port)
        except OSError:
            continue
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for pid in processes(proc) if wanted else ():
        if wanted & set(descriptors(pid)):
            try:
                return f"{(pid / 'comm').read_text().strip()} (pid {pid.name})"
            except OSError:
                return f"pid {pid.name}"
    return None


def processes(proc: Path) -> Iterator[Path]:
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
