"""Listeners outlive the process: copies of them are kept by the service manager.

It has one for each bound socket (FDSTORE in sd_notify(3)), under a name that says whose it is and
which: an entry's id, quoted, and the socket's inode, which all copies of a socket share. A daemon
that is started after a crash gets them back, with the connections that came meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from kfwd.daemon.lock import Control
from kfwd.front.door import Door
from kfwd.front.listener import shown
from kfwd.paths import Paths
from kfwd.service.notify import Notifier
from kfwd.service.unit import CONTROL

log = logging.getLogger(__name__)

LONGEST = 255
"""Bytes of a name that systemd takes."""

MARK = "@"


def name_of(id: str, sock: socket.socket) -> str:
    """The name of an entry's socket in the store."""
    return f"{quote(id, safe='/')}{MARK}{os.fstat(sock.fileno()).st_ino}"


def names_of(inherited: Mapping[str, Mapping[str, socket.socket]]) -> set[str]:
    """The names of sockets of the process before."""
    each = ((id, sock) for id, sockets in inherited.items() for sock in sockets.values())
    return {name_of(id, sock) for id, sock in each}


class Restored:
    """What the service manager passed: the control socket, if it holds that, and kept listeners.

    `sockets`: entry id -> address -> socket. `names` are those under which something is kept.
    """

    def __init__(self, passed: Iterable[tuple[str, int]], paths: Paths) -> None:
        self.control: Control | None = None
        self.sockets: dict[str, dict[str, socket.socket]] = {}
        self.names: set[str] = set()
        for name, number in passed:
            self._note(name, number, paths)

    def close(self) -> None:
        """End the listeners that no entry wanted."""
        for sockets in self.sockets.values():
            for sock in sockets.values():
                end(sock)
            sockets.clear()

    def _note(self, name: str, number: int, paths: Paths) -> None:
        sock = _listening(number)
        if name != CONTROL:
            self.names.add(name)
        if sock is None:
            return
        if name == CONTROL and sock.getsockname() == str(paths.socket):
            self.control = Control(sock, ours=False)
        elif name != CONTROL and MARK in name:
            id = unquote(name.rpartition(MARK)[0])
            self.sockets.setdefault(id, {})[shown(sock)] = sock
        else:
            log.warning("%s was passed as %s: it is not used", shown(sock), name)
            sock.close()


def _listening(number: int) -> socket.socket | None:
    """The listening socket that a descriptor is; what is of no use is closed."""
    try:
        sock = socket.socket(fileno=number)
    except OSError:
        with contextlib.suppress(OSError):
            os.close(number)
        return None
    if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) or _lost(sock):
        sock.close()
        return None
    sock.setblocking(False)
    return sock


def _lost(sock: socket.socket) -> bool:
    """Whether somebody removed the path of a unix socket, so that nobody gets there any more."""
    return sock.family == socket.AF_UNIX and not Path(sock.getsockname()).is_socket()


def end(sock: socket.socket) -> None:
    """Listen no more, whoever else has a copy of this socket."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


class FdStore:
    """Keeps the store as `doors` are. `names` are those that it may have from before."""

    def __init__(
        self,
        notifier: Notifier,
        doors: Callable[[], Sequence[tuple[str, Door[Any]]]],
        names: Iterable[str],
    ) -> None:
        self._notifier = notifier
        self._doors = doors
        self._old = set(names)
        self._known: Mapping[socket.socket, str] = {}
        self._changed = asyncio.Event()
        self._changed.set()

    def changed(self) -> None:
        """Listeners were bound or closed."""
        self._changed.set()

    async def run(self) -> None:
        """Tell the service manager whenever something changed; ends only by cancellation."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._renew()

    async def _renew(self) -> None:
        before, now = self._known, self._names()
        self._known = now
        for name in (self._old | set(before.values())) - set(now.values()):
            await self._notifier.say("FDSTOREREMOVE=1", f"FDNAME={name}")
        self._old.clear()
        for sock, name in now.items():
            if sock not in before and (number := sock.fileno()) >= 0:
                await self._notifier.say("FDSTORE=1", f"FDNAME={name}", descriptors=[number])

    def _names(self) -> Mapping[socket.socket, str]:
        bound = [(id, sock) for id, door in self._doors() for sock in door.sockets]
        named = {sock: self._known.get(sock) or name_of(id, sock) for id, sock in bound}
        return {sock: name for sock, name in named.items() if len(name) <= LONGEST}
