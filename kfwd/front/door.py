"""Where connections come in: listeners, and the connections that they accepted, each in a task.

All of it can be given to another process: the listening sockets at any time, a connection as long
as its socket stands for everything that is known about it.
"""

from __future__ import annotations

import asyncio
import socket
from abc import ABC, abstractmethod
from collections.abc import MutableMapping, Sequence
from typing import Generic, Protocol, TypeVar

from kfwd.errors import DaemonReplaced
from kfwd.front.counters import Counters
from kfwd.front.listener import Listener, bind_all
from kfwd.tasks import TaskSet


class Served(Protocol):
    """A connection: `run` is its life, and cancelling that resets it."""

    async def run(self) -> None: ...

    def abort(self) -> None:
        """Reset it at once, unless it has ended."""

    def release(self) -> socket.socket | None:
        """Its socket, if nothing was read that another process would have to know; `run` ends."""


C = TypeVar("C", bound=Served)


class Door(ABC, Generic[C]):
    """`bind`, then `_connected` makes a connection of each accepted socket, until `close`."""

    def __init__(self, name: str) -> None:
        self.counters = Counters()
        self.left = False
        self.paused = False
        self._tasks = TaskSet(name)
        self._listener: Listener | None = None
        self._served: dict[C, asyncio.Task[None]] = {}

    @abstractmethod
    def _connected(self, sock: socket.socket) -> C:
        """What serves an accepted socket."""

    def _told(self) -> None:
        """A connection was accepted here."""

    def bind(
        self,
        addresses: Sequence[str],
        port: int,
        inherited: MutableMapping[str, socket.socket] | None = None,
    ) -> tuple[str, ...]:
        """Listen; returns where, for example `127.0.0.1:8080`. Port 0 is a free one.

        Raises `PortInUse` and other `KfwdError`s of `listener.bind_all`.
        """
        if self.left:
            raise DaemonReplaced("another process has the listeners")
        self._listener = Listener(bind_all(addresses, port, inherited), self._accepted)
        return self._listener.addresses

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where it listens."""
        return self._listener.addresses if self._listener else ()

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening ones."""
        return self._listener.sockets if self._listener else ()

    @property
    def connections(self) -> tuple[C, ...]:
        return tuple(self._served)

    @property
    def lives(self) -> tuple[asyncio.Task[None], ...]:
        """The tasks of all connections."""
        return tuple(self._served.values())

    def pause(self) -> None:
        """Accept nothing; who connects waits."""
        self.paused = True
        if self._listener is not None:
            self._listener.pause()

    def resume(self) -> None:
        """Accept again."""
        self.paused = False
        if self._listener is not None:
            self._listener.resume()

    def release(self) -> list[socket.socket]:
        """The sockets of all connections that can go on elsewhere; they are served here no more."""
        found = []
        for connection, life in tuple(self._served.items()):
            if (sock := connection.release()) is not None:
                found.append(sock)
                life.cancel()
        return found

    def adopt(self, sock: socket.socket) -> None:
        """Serve a connection that was accepted, and told of, by another process."""
        self._start(self._connected(sock))

    def leave(self) -> None:
        """Another process has the listeners: close them here, and finish what is open."""
        self.left = True
        if self._listener is not None:
            self._listener.leave()

    async def close(self) -> list[str]:
        """Unbind and end every connection; names of the tasks that did not stop in time."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        return await self._tasks.close()

    def _accepted(self, sock: socket.socket) -> None:
        self._start(self._connected(sock))
        self._told()

    def _start(self, connection: C) -> asyncio.Task[None]:
        self.counters.total += 1
        self.counters.open += 1
        task = self._tasks.spawn(connection.run(), f"connection {self.counters.total}")
        self._served[connection] = task
        task.add_done_callback(lambda _: self._gone(connection))
        return task

    def _gone(self, connection: C) -> None:
        connection.abort()  # a task that is cancelled before its first step cleans up nothing
        del self._served[connection]
        self.counters.open -= 1
