"""Which local processes hold the other ends of many connections, where the system tells.

Linux does (proc(5)). All are looked up in one pass over the tables and the processes, bounded, for
a machine may have many of both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from kfwd.front.proc import PROC, all_connected, descriptors, end_of, processes, socket_link
from kfwd.wire.sock_diag import End

PROCESSES_MAX = 5000
LOOK_S = 0.5
"""Most work for one search, as time of its thread: on a busy machine a search waits for its turns
far longer than it works."""

NAME_MAX = 64


class Holder(Struct, frozen=True):
    pid: int
    name: str


def holders(
    ends: Sequence[tuple[str, str]],
    proc: Path = PROC,
    clock: Callable[[], float] = time.thread_time,
) -> dict[tuple[str, str], Holder]:
    """The process of each connection, given as `HOST:PORT` of its client and of our listener.

    Blocks: reads files, which keeps a core for about `LOOK_S` at most.
    """
    pairs = {pair: each for each in ends if (pair := _pair(*each)) is not None}
    given = list(pairs.values())
    links = {socket_link(inode): given[at] for inode, at in all_connected(pairs, proc).items()}
    return _held(links, proc, clock)


def _held(
    links: Mapping[str, tuple[str, str]], proc: Path, clock: Callable[[], float]
) -> dict[tuple[str, str], Holder]:
    found: dict[tuple[str, str], Holder] = {}
    end = clock() + LOOK_S
    for looked, pid in enumerate(processes(proc) if links else ()):
        if len(found) == len(links) or looked >= PROCESSES_MAX or clock() > end:
            break
        mine = [links[link] for link in descriptors(pid) if link in links]
        if mine:
            holder = Holder(int(pid.name), _name(pid))
            found |= {each: holder for each in mine if each not in found}
    return found


def _pair(client: str, listener: str) -> tuple[End, End] | None:
    """Both ends; None for a unix socket, or one that was gone before it was looked at."""
    try:
        return _end(client), _end(listener)
    except ValueError:
        return None


def _end(text: str) -> End:
    host, _, port = text.rpartition(":")
    return end_of((host.removeprefix("[").removesuffix("]"), int(port)))


def _name(pid: Path) -> str:
    try:
        return (pid / "comm").read_text(errors="replace").strip()[:NAME_MAX]
    except OSError:
        return ""
