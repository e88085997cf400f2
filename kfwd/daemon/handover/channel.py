"""Messages and descriptors over a unix socket between two daemons. Blocks: use it in a thread."""

from __future__ import annotations

import array
import contextlib
import os
import socket
from collections.abc import Sequence
from typing import TypeVar

from kfwd.daemon.handover.messages import DESCRIPTORS_MAX, AnyMessage, Decoder, encode
from kfwd.errors import ProtocolError

TIMEOUT_S = 20.0
"""Long enough for a process to start on a loaded machine; whoever asked for it waits 30 s."""

READ_SIZE = 64 * 1024
ROOM = socket.CMSG_SPACE(DESCRIPTORS_MAX * array.array("i").itemsize)
M = TypeVar("M", bound=AnyMessage)


class Channel:
    """One end. Every wait ends after `timeout_s`; `close` ends one that goes on in a thread."""

    def __init__(self, sock: socket.socket, timeout_s: float = TIMEOUT_S) -> None:
        sock.settimeout(timeout_s)
        self._sock = sock
        self._decoder = Decoder()

    def send(self, message: AnyMessage, descriptors: Sequence[int] = ()) -> None:
        """Raises `OSError` when the other side is gone or takes nothing."""
        frame = encode(message, len(descriptors))
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        sent = self._sock.sendmsg([frame], rights if descriptors else [])
        if sent < len(frame):  # who has read all of it may have answered and hung up
            self._sock.sendall(frame[sent:])

    def receive(self) -> tuple[AnyMessage, list[int]]:
        """The next message. Raises `OSError`, or `ProtocolError` for what is none."""
        while (found := self._decoder.take()) is None:
            data, rights, flags, _ = self._sock.recvmsg(READ_SIZE, ROOM, _CLOEXEC)
            descriptors = [number for each in rights for number in _numbers(each)]
            self._decoder.feed(data, descriptors)
            if flags & socket.MSG_CTRUNC:
                raise ProtocolError("descriptors were lost: the limit of open files is too low")
            if not data:
                raise ConnectionResetError("the other process has ended")
        return found

    def expect(self, kind: type[M]) -> M:
        """The next message, which must be of this kind."""
        message, descriptors = self.receive()
        if not isinstance(message, kind):
            close_all(descriptors)
            raise ProtocolError(f"{type(message).__name__} instead of {kind.__name__}")
        return message

    def ended(self) -> None:
        """Wait until the other side hangs up. Raises `TimeoutError`, `ProtocolError` for words."""
        with contextlib.suppress(ConnectionError):
            message, descriptors = self.receive()
            close_all(descriptors)
            raise ProtocolError(f"{type(message).__name__} instead of the end")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        close_all(self._decoder.descriptors)
        self._decoder.descriptors.clear()


_CLOEXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


def _numbers(part: tuple[int, int, bytes]) -> list[int]:
    level, kind, data = part
    if (level, kind) != (socket.SOL_SOCKET, socket.SCM_RIGHTS):
        return []
    numbers = array.array("i")
    numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
    for number in numbers:
        os.set_inheritable(number, False)
    return list(numbers)


def close_all(descriptors: Sequence[int]) -> None:
    for number in descriptors:
        os.close(number)
