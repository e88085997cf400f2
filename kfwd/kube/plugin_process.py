"""Run a small program of the user's and collect what it says, within bounds of time and size.

Both streams are read at once, so neither can stall it. It gets no terminal: it runs in a session
of its own with nothing to read, and with everything it started it is gone when this returns.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence

from msgspec import Struct

STDOUT_LIMIT = 1024 * 1024
STDERR_KEPT = 8 * 1024
LINGER_S = 0.5
"""How long after the program's end its streams may stay open: something else may hold them."""

REAP_S = 1.0


class Output(Struct, frozen=True):
    """How a program ended. `stderr` holds its last 8 KiB; `stdout` is None beyond 1 MiB."""

    status: int
    stdout: bytes | None
    stderr: bytes

    def __repr__(self) -> str:
        return f"Output(status={self.status})"


class TimedOut(Exception):
    """The program was still running at its time limit; `stderr` is what it had said."""

    def __init__(self, stderr: bytes) -> None:
        super().__init__("still running at its time limit")
        self.stderr = stderr


async def run(argv: Sequence[str], env: Mapping[str, str], *, timeout: float) -> Output:
    """Run `argv` with exactly `env`, found in `env`'s PATH unless it is a path.

    Raises `TimedOut`, and `OSError` when it cannot be started. Its process group is killed on
    time-out, on cancellation and when it says too much.
    """
    loop = asyncio.get_running_loop()
    transport, collector = await loop.subprocess_exec(
        _Collector, *argv, stdin=asyncio.subprocess.DEVNULL, env=dict(env), start_new_session=True
    )
    try:
        async with asyncio.timeout(timeout):
            await collector.stopped.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                await collector.drained.wait()
    except TimeoutError:
        raise TimedOut(bytes(collector.stderr)) from None
    finally:
        await _end(transport, collector)
    return Output(transport.get_returncode() or 0, collector.output(), bytes(collector.stderr))


class _Collector(asyncio.SubprocessProtocol):
    """Keeps the start of stdout and the end of stderr."""

    def __init__(self) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.stopped = asyncio.Event()
        """The program ended, or said too much."""
        self.exited = asyncio.Event()
        self.drained = asyncio.Event()
        self._open = {1, 2}

    def output(self) -> bytes | None:
        return None if len(self.stdout) > STDOUT_LIMIT else bytes(self.stdout)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            self.stderr += data
            del self.stderr[:-STDERR_KEPT]
        elif len(self.stdout) <= STDOUT_LIMIT:
            self.stdout += data
        if len(self.stdout) > STDOUT_LIMIT:
            self.stopped.set()
            self.drained.set()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._open.discard(fd)
        if not self._open:
            self.drained.set()

    def process_exited(self) -> None:
        self.exited.set()
        self.stopped.set()


async def _end(transport: asyncio.SubprocessTransport, collector: _Collector) -> None:
    """Kill what still runs of the group and see the program reaped."""
    if not (collector.exited.is_set() and collector.drained.is_set()):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(transport.get_pid(), signal.SIGKILL)
    transport.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(REAP_S):
            await collector.exited.wait()
