"""Run a small program of the user's and collect what it says, within bounds of time and size.

Both streams are read at once, so neither can stall it. It gets no terminal: it runs in a session
of its own with nothing to read, and with everything it started it is gone when this returns.
(asyncio's own subprocesses cannot promise that: one that is cancelled while it starts keeps what it
started, and waits for it.)
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import IO

from msgspec import Struct

STDOUT_LIMIT = 1024 * 1024
STDERR_KEPT = 8 * 1024
READ_SIZE = 64 * 1024
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
    pipe = subprocess.PIPE
    process = subprocess.Popen(  # noqa: ASYNC220  # a fork takes a moment, asyncio's own as well
        argv,
        stdin=subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        bufsize=0,
        env=dict(env),
        start_new_session=True,
    )
    collector = _Collector(process)
    try:
        async with asyncio.timeout(timeout):
            await collector.stopped.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                await collector.drained.wait()
    except TimeoutError:
        raise TimedOut(bytes(collector.stderr)) from None
    finally:
        await collector.close()
    return Output(process.returncode or 0, collector.output(), bytes(collector.stderr))


class _Collector:
    """Keeps the start of stdout and the end of stderr, and sees the program's end."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._loop = asyncio.get_running_loop()
        self._stdout = bytearray()
        self._open = {process.stdout: self._said, process.stderr: self._muttered}
        self.stderr = bytearray()
        self.exited = asyncio.Event()
        self.drained = asyncio.Event()
        self.stopped = asyncio.Event()
        """The program ended, or said too much."""
        for stream in self._open:
            os.set_blocking(stream.fileno(), False)
            self._loop.add_reader(stream, self._read, stream)
        # A thread, since pidfds exist on Linux alone.
        threading.Thread(target=self._wait, name=f"waitpid-{process.pid}", daemon=True).start()

    def output(self) -> bytes | None:
        return None if len(self._stdout) > STDOUT_LIMIT else bytes(self._stdout)

    async def close(self) -> None:
        """Kill what still runs of the group, see the program reaped, close its streams."""
        if not (self.exited.is_set() and self.drained.is_set()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        for stream in list(self._open):
            self._end(stream)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REAP_S):
                await self.exited.wait()

    def _read(self, stream: IO[bytes]) -> None:
        data = stream.read(READ_SIZE)
        if data:
            self._open[stream](data)
        elif data is not None:  # None: nothing to read after all
            self._end(stream)

    def _said(self, data: bytes) -> None:
        if len(self._stdout) <= STDOUT_LIMIT:
            self._stdout += data
        else:  # no more than one read too many
            self.stopped.set()
            self.drained.set()

    def _muttered(self, data: bytes) -> None:
        self.stderr += data
        del self.stderr[:-STDERR_KEPT]

    def _end(self, stream: IO[bytes]) -> None:
        del self._open[stream]
        self._loop.remove_reader(stream)
        stream.close()
        if not self._open:
            self.drained.set()

    def _wait(self) -> None:
        self._process.wait()
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            self._loop.call_soon_threadsafe(self._exited)

    def _exited(self) -> None:
        self.exited.set()
        self.stopped.set()
