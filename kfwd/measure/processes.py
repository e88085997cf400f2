"""A forwarder as a process: `kfwd port-forward` or `kubectl port-forward`, and what it costs."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from kfwd.errors import KfwdError

START_S = 30.0
STOP_S = 10.0
_FORWARDING = re.compile(rb"Forwarding from 127\.0\.0\.1:(\d+) -> ")


def cpu_s(pid: int) -> float | None:
    """CPU seconds a process has used, with its ended children left out; None where the system
    does not tell (proc_pid_stat(5))."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float | None:
    """Resident memory of a process in MB; None where the system does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextlib.contextmanager
def forwarding(whose: str, command: Sequence[str], env: Mapping[str, str]) -> Iterator[Forwarder]:
    """Run a port-forward to one port while in the block.

    Raises `KfwdError` `bench-forward-failed` with what it said if it does not listen within 30 s.
    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=dict(env), stdout=subprocess.PIPE, stderr=said)
        assert process.stdout is not None
        found: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        reader = threading.Thread(target=_read, args=(process.stdout, found), name="forwarder")
        reader.start()
        try:
            yield Forwarder(process.pid, _port(found, whose, said))
        finally:
            _end(process)
            reader.join()
            process.stdout.close()


class Forwarder(NamedTuple):
    """A running port-forward: its process and the local port it listens on."""

    pid: int
    port: int


def _read(output: IO[bytes], found: queue.SimpleQueue[int | None]) -> None:
    """Read to the end, since a forwarder tells of each connection and would stop if nobody did."""
    for line in output:
        if match := _FORWARDING.match(line):
            found.put(int(match[1]))
    found.put(None)


def _port(found: queue.SimpleQueue[int | None], whose: str, said: IO[bytes]) -> int:
    with contextlib.suppress(queue.Empty):
        if (port := found.get(timeout=START_S)) is not None:
            return port
    said.seek(0)
    lines = said.read().decode(errors="replace").strip().splitlines()
    raise KfwdError(
        f"{whose} port-forward did not come up: {_first(lines)}",
        code="bench-forward-failed",
        hint=next(
            (line.removeprefix("hint: ") for line in lines if line.startswith("hint: ")), None
        ),
    )


def _first(lines: Sequence[str]) -> str:
    return lines[0].removeprefix("kfwd: ") if lines else "it said nothing"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
