"""The new side: get what the old process holds, be ready, and go on where it stops."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket

from kfwd.api_handover import HANDOVER_FAILED
from kfwd.daemon.daemon import Daemon
from kfwd.daemon.fd_store import names_of
from kfwd.daemon.handover.channel import TIMEOUT_S, Channel, close_all
from kfwd.daemon.handover.messages import (
    Attached,
    Held,
    Listening,
    Offered,
    Ready,
    Taken,
    Waiting,
    Yours,
)
from kfwd.daemon.lock import Control, Lock
from kfwd.errors import KfwdError, ProtocolError
from kfwd.front.listener import shown
from kfwd.model import Wanted
from kfwd.paths import Paths

log = logging.getLogger(__name__)

Arrived = list[tuple[str, str, socket.socket]]
"""Connections that waited: entry id, an address of their listener, socket."""


class Heir:
    """What the process before offered. It stays the daemon until `take_over`."""

    def __init__(self, channel: Channel) -> None:
        self.lock: Lock
        self.control: Control
        self.sockets: dict[str, dict[str, socket.socket]] = {}
        self.attached: list[Wanted] = []
        self._channel = channel

    @classmethod
    def receive(cls, descriptor: int, paths: Paths, within_s: float = TIMEOUT_S) -> Heir:
        """All that is offered on this end of a channel. Raises `KfwdError`.

        `within_s` bounds every wait for the old process.
        """
        heir = cls(Channel(socket.socket(fileno=descriptor), within_s))
        try:
            while not heir._note(*heir._channel.receive(), paths):
                pass
        except (OSError, ProtocolError) as error:
            heir.close()
            raise _failed(error) from error
        return heir

    def _note(self, message: object, descriptors: list[int], paths: Paths) -> bool:
        """Keep what came; whether that was all."""
        match message:
            case Held(ours=ours):
                lock, control = descriptors
                self.lock = Lock(paths.lock, lock)
                self.control = Control(_adopted(control), ours)
            case Listening(entries=entries):
                for id, number in zip(entries, descriptors, strict=True):
                    sock = _adopted(number)
                    self.sockets.setdefault(id, {})[shown(sock)] = sock
            case Attached(entries=wanted):
                self.attached += wanted
            case Offered():
                return True
            case _:
                close_all(descriptors)
                raise ProtocolError(f"{type(message).__name__} is not offered")
        return False

    @property
    def names(self) -> set[str]:
        """Those under which a service manager may keep what was offered."""
        return names_of(self.sockets)

    async def take_over(self, daemon: Daemon) -> None:
        """Say that `daemon` has bound everything, and be the daemon once the old one hangs up.

        An old one that dies meanwhile hangs up too; one that takes all back ends this process
        before it does. Raises `KfwdError` when it does not let go, and when this process was told
        to stop before it took anything: then the old one goes on.
        """
        arrived: Arrived = []
        try:
            with contextlib.suppress(ConnectionError):
                await asyncio.to_thread(self._channel.send, Ready())
                await asyncio.to_thread(_arrivals, self._channel, arrived)
                _check_stays(daemon, arrived)
                await asyncio.to_thread(self._channel.send, Taken())
                await asyncio.to_thread(_let_go, self._channel)
        except (OSError, ProtocolError) as error:
            raise _failed(error) from error
        self.lock.claim()
        self._open(daemon, arrived)

    def _open(self, daemon: Daemon, arrived: Arrived) -> None:
        doors = daemon.doors()
        for id, address, sock in arrived:
            door = next((d for i, d in doors if i == id and address in d.addresses), None)
            if door is None:
                log.warning("a connection to %s came for nobody", address, extra={"entry": id})
                sock.close()
            else:
                door.adopt(sock)
        for _, door in doors:
            door.resume()
        for wanted in self.attached:
            daemon.attached.expect(wanted)

    def close(self) -> None:
        """Close what nobody wanted."""
        self._channel.close()
        for sockets in self.sockets.values():
            for sock in sockets.values():
                sock.close()
            sockets.clear()


def _arrivals(channel: Channel, arrived: Arrived) -> None:
    while True:
        message, descriptors = channel.receive()
        match message:
            case Waiting(places=places):
                for (id, address), number in zip(places, descriptors, strict=True):
                    arrived.append((id, address, _adopted(number)))
            case Yours():
                return
            case _:
                close_all(descriptors)
                raise ProtocolError(f"{type(message).__name__} instead of a connection")


def _let_go(channel: Channel) -> None:
    """Wait until the old process has let go. One that hangs after it heard `Taken` has done so."""
    with contextlib.suppress(TimeoutError):
        channel.ended()


def _check_stays(daemon: Daemon, arrived: Arrived) -> None:
    if daemon.stopping.is_set():
        for _, _, sock in arrived:
            sock.close()
        raise KfwdError("the new process was told to stop", code=HANDOVER_FAILED)


def _adopted(descriptor: int) -> socket.socket:
    sock = socket.socket(fileno=descriptor)
    sock.setblocking(False)
    return sock


def _failed(error: Exception) -> KfwdError:
    return KfwdError(f"the running daemon did not hand over: {error}", code=HANDOVER_FAILED)
