"""What a daemon says to systemd (sd_notify(3)): datagrams to the socket in NOTIFY_SOCKET."""

from __future__ import annotations

import array
import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Mapping, Sequence

log = logging.getLogger(__name__)

OWN = (
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "FDSTORE",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
)
"""Variables that a service manager means for the process it starts, and for no child of it."""

SAY_S = 5.0


class Notifier:
    """Messages to the service manager; none is sent where there is none. Never raises.

    What cannot be delivered is logged once: the daemon serves all the same.
    """

    def __init__(self, address: str | None) -> None:
        self._socket: socket.socket | None = None
        self._waiting: asyncio.Event | None = None
        self._turn = asyncio.Lock()
        if address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            self._connect(f"\0{address[1:]}" if address.startswith("@") else address)

    @property
    def heard(self) -> bool:
        """Whether somebody listens."""
        return self._socket is not None

    def tell(self, *lines: str, descriptors: Sequence[int] = ()) -> bool:
        """Send `lines` as one message; False if it must wait for room."""
        if self._socket is None:
            return True
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        try:
            self._socket.sendmsg(["\n".join(lines).encode()], rights if descriptors else [])
        except BlockingIOError:
            return False
        except OSError as error:
            self._give_up(error)
        return True

    async def say(self, *lines: str, descriptors: Sequence[int] = ()) -> None:
        """Send `lines` as one message, in at most `SAY_S`."""
        try:
            async with asyncio.timeout(SAY_S), self._turn:
                while not self.tell(*lines, descriptors=descriptors):
                    await self._room()
        except TimeoutError:
            self._give_up(TimeoutError("it takes no messages"))

    def close(self) -> None:
        if self._socket is not None:
            self._wait_no_more()
            self._socket.close()
            self._socket = None

    async def _room(self) -> None:
        assert self._socket is not None
        self._waiting = asyncio.Event()
        asyncio.get_running_loop().add_writer(self._socket, self._waiting.set)
        try:
            await self._waiting.wait()
        finally:
            self._wait_no_more()

    def _wait_no_more(self) -> None:
        if self._socket is not None and self._waiting is not None:
            asyncio.get_running_loop().remove_writer(self._socket)
            self._waiting.set()
            self._waiting = None

    def _connect(self, address: str) -> None:
        assert self._socket is not None
        try:
            self._socket.connect(address)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        log.warning("the service manager cannot be told anything: %s", error)
        self.close()


def watchdog_s(env: Mapping[str, str], pid: int) -> float | None:
    """Seconds within which the service manager wants a sign of life (sd_watchdog_enabled(3))."""
    if env.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    with contextlib.suppress(KeyError, ValueError):
        return int(env["WATCHDOG_USEC"]) / 1e6 or None
    return None


def reloading() -> tuple[str, str]:
    """The lines that begin a reload; READY=1 ends it."""
    now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    return ("RELOADING=1", f"MONOTONIC_USEC={now_us}")


def without_own(env: Mapping[str, str]) -> dict[str, str]:
    """An environment for children."""
    return {name: value for name, value in env.items() if name not in OWN}
