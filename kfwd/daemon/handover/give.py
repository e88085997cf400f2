"""The old side: start a process, show it everything, let go when it is ready, or take all back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Mapping
from typing import Any

from kfwd.api_handover import (
    HANDOVER_FAILED,
    HANDOVER_PROTOCOL,
    HANDOVER_UNSUPPORTED,
    HandoverRequest,
    Successor,
)
from kfwd.daemon.api.server import Server
from kfwd.daemon.daemon import Daemon
from kfwd.daemon.handover.channel import Channel
from kfwd.daemon.handover.messages import (
    Attached,
    Held,
    Listening,
    Offered,
    Ready,
    Taken,
    Waiting,
    Yours,
    batches,
)
from kfwd.daemon.lock import Control, Lock
from kfwd.daemon.managed import Managed
from kfwd.errors import KfwdError, ProtocolError
from kfwd.front.door import Door
from kfwd.paths import Paths, variables
from kfwd.service.notify import without_own
from kfwd.service.start import last_words, spawn

log = logging.getLogger(__name__)

KEPT = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "INVOCATION_ID", "JOURNAL_STREAM", "FDSTORE")
"""What a service manager says to the process it started, and so to the one that replaces it."""

SAVE_S = 5.0
"""How long what is up may take to reach the disk, from which the new process reads it."""

LAST_WORDS_S = 3.0
"""How long a new process that hung up may take to end by itself."""

Released = list[tuple[str, Door[Any], socket.socket]]


class Giver:
    """Hands a daemon over. `given` is set when another process is the daemon."""

    def __init__(
        self,
        daemon: Daemon,
        server: Server,
        lock: Lock,
        control: Control,
        managed: Managed,
    ) -> None:
        self.given = asyncio.Event()
        self._giving: asyncio.Task[Any] | None = None
        self._daemon = daemon
        self._server = server
        self._lock = lock
        self._control = control
        self._managed = managed

    async def hand_over(self, request: HandoverRequest) -> Successor:
        """Start another process and let that be the daemon. Changes wait meanwhile.

        Raises `KfwdError` when nothing changed hands; then everything goes on here.
        """
        return await self._daemon.changes.run(lambda: self._give_unless_stopped(request))

    async def call_off(self) -> None:
        """Take back what is being handed over, since the daemon stops."""
        if self._giving is not None:
            self._giving.cancel()
            await asyncio.wait([self._giving])

    async def _give_unless_stopped(self, request: HandoverRequest) -> Successor:
        self._check_stays()
        self._giving = asyncio.current_task()
        try:
            return await self._give(request)
        except asyncio.CancelledError:
            self._check_stays()
            raise
        finally:
            self._giving = None

    def _check_stays(self) -> None:
        if self._daemon.stopping.is_set():
            hint = "`kfwd daemon start` starts one when it has stopped"
            text = "the daemon stops, and is not replaced"
            raise KfwdError(text, hint=hint, code=HANDOVER_FAILED)

    async def _give(self, request: HandoverRequest) -> Successor:
        if request.protocol != HANDOVER_PROTOCOL:
            raise KfwdError(
                f"the daemon hands over by protocol {HANDOVER_PROTOCOL}, not {request.protocol}",
                hint="kfwd daemon stop, then kfwd daemon start",
                code=HANDOVER_UNSUPPORTED,
            )
        await self._save()
        async with (
            self._managed.reloading("handing over"),
            self._successor(request) as (process, channel),
        ):
            await asyncio.to_thread(self._offer, channel, self._listening())
            await asyncio.to_thread(channel.expect, Ready)
            await self._let_go(channel, process.pid)
        process.returncode = 0  # it outlives this process: nobody is to wait for it
        log.info("pid %d is the daemon now", process.pid)
        return Successor(pid=process.pid)

    async def _save(self) -> None:
        saver = self._daemon.saver
        saver.changed()
        try:
            async with asyncio.timeout(SAVE_S):
                await saver.saved()
        except TimeoutError:
            hint = f"see whether the disk of {self._daemon.paths.state_file} answers"
            raise _failed(f"what is up is not saved after {SAVE_S:g} s", hint) from None
        if saver.failing:
            raise _failed("what is up cannot be saved", "`kfwd status` says why")

    @contextlib.asynccontextmanager
    async def _successor(
        self, request: HandoverRequest
    ) -> AsyncIterator[tuple[subprocess.Popen[bytes], Channel]]:
        """A new process and the channel to it. One that fails is ended."""
        ours, theirs = socket.socketpair()
        errors = self._daemon.paths.log / "daemon.err"
        env = environment(request.environment, os.environ, self._daemon.paths)
        try:
            command = (*request.command, "--take-over", str(theirs.fileno()))
            process = spawn(errors, command, env, (theirs.fileno(),))
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        channel = Channel(ours)
        try:
            yield process, channel
        except BaseException as error:
            try:
                if isinstance(error, OSError | ProtocolError):
                    await asyncio.to_thread(_ended, process)
            finally:
                process.kill()
                process.wait()
            if not isinstance(error, OSError | ProtocolError):
                raise
            why, hint = last_words(errors)
            raise _failed(
                why or f"{error}, it ended with {process.returncode}", hint or f"see {errors}"
            ) from error
        finally:
            channel.close()

    def _listening(self) -> list[tuple[str, socket.socket]]:
        return [(id, sock) for id, door in self._daemon.doors() for sock in door.sockets]

    def _offer(self, channel: Channel, listening: list[tuple[str, socket.socket]]) -> None:
        channel.send(
            Held(ours=self._control.ours), [self._lock.descriptor, self._control.sock.fileno()]
        )
        for part in batches(listening):
            channel.send(Listening(tuple(id for id, _ in part)), [s.fileno() for _, s in part])
        for entries in batches(tuple(self._daemon.attached.entries.values())):
            channel.send(Attached(tuple(entries)))
        channel.send(Offered())

    async def _let_go(self, channel: Channel, pid: int) -> None:
        """Accept nothing more, send the connections that wait, and end being the daemon."""
        doors = self._daemon.doors()
        await self._server.pause()
        for _, door in doors:
            door.pause()
        released = [(id, door, sock) for id, door in doors for sock in door.release()]
        try:
            await asyncio.to_thread(_send_waiting, channel, released)
            self._check_stays()
        except BaseException:
            for _, door, sock in released:
                door.adopt(sock)
            for _, door in doors:
                door.resume()
            await self._server.start(self._control.sock)
            raise
        for _, _, sock in released:
            sock.close()
        self._lock.cede()
        self._control.sock.close()  # else whoever asks a new one that was killed would wait for us
        self._managed.leave(pid)
        self._daemon.leave()
        self.given.set()


def _ended(process: subprocess.Popen[bytes]) -> None:
    """Let a process that failed say why."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(LAST_WORDS_S)


def _send_waiting(channel: Channel, released: Released) -> None:
    for part in batches(released):
        places = tuple((id, door.addresses[0]) for id, door, _ in part)
        channel.send(Waiting(places), [sock.fileno() for _, _, sock in part])
    channel.send(Yours())
    channel.expect(Taken)


def environment(theirs: Mapping[str, str], ours: Mapping[str, str], paths: Paths) -> dict[str, str]:
    """That of the new process: the caller's, our folders, and our service manager's words."""
    kept = {name: ours[name] for name in KEPT if name in ours}
    return {**without_own(theirs), **kept, **variables(paths)}


def _failed(why: str, hint: str) -> KfwdError:
    text = f"the daemon was not replaced and goes on: {why}"
    return KfwdError(text, hint=hint, code=HANDOVER_FAILED)
