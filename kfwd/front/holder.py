"""Which process listens on a local TCP port, where the system tells (Linux: /proc)."""

from __future__ import annotations

from pathlib import Path

from kfwd.front.proc import PROC, descriptors, listening, processes, socket_link


def port_holder(port: int, proc: Path = PROC) -> str | None:
    """`NAME (pid N)` of who listens on `port`, or None where that cannot be told."""
    wanted = {socket_link(inode) for inode in listening(port, proc)}
    for pid in processes(proc) if wanted else ():
        if wanted & set(descriptors(pid)):
            try:
                return f"{(pid / 'comm').read_text().strip()} (pid {pid.name})"
            except OSError:
                return f"pid {pid.name}"
    return None
