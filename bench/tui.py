"""`make bench-tui`: the TUI in a pseudo-terminal, beside a daemon of 500 entries that change.

The daemon is a stand-in, so that what is measured is the TUI's processor time and nothing else, and
so that the moment is known in which a change was sent. Everything is read from what the TUI writes
to the terminal.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import itertools
import os
import pty
import select
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from bench import report
from bench.harness import cpu_s
from kfwd.measure.figures import Figure, quantile
from kfwd.model import (
    Bytes,
    Connections,
    CountersMoved,
    EntryChanged,
    EntryCounters,
    EntryView,
    SnapshotEvent,
)
from kfwd.tui.app import FLUSH_S, KfwdApp
from tests.standin import Request, StandIn, chunk, entry, snapshot, standing_in

ENTRIES = 500
SIZE = (120, 40)
CHANGES = 4
"""A second, on each entry."""
TICK_S = 0.02
QUIET_S = 5.0
"""Between starting and measuring, and the longest wait for something on the screen."""


class Storm:
    """The stand-in's event stream: a snapshot, then `rate` changes of each entry a second."""

    def __init__(self, server: StandIn) -> None:
        self.entries = [entry(f"shop/web-{number:03}") for number in range(ENTRIES)]
        self.rate = 0.0
        self.counting = False
        self._server = server
        self._marks: list[EntryView] = []
        self._ended = threading.Event()
        self._seq = itertools.count(42)
        server.on_raw("GET /v1/events", self._stream)

    def end(self) -> None:
        self._ended.set()

    def mark(self, target: str) -> None:
        """Give the first entry another target, with the next tick."""
        self._marks.append(replace(self.entries[0], target=target))

    def _stream(self, request: Request, connection: socket.socket) -> None:
        first = SnapshotEvent(seq=41, snapshot=snapshot(*self.entries))
        connection.sendall(self._server.stream_head() + chunk(first))
        due, counted = 0.0, time.monotonic()
        while not self._ended.wait(TICK_S) and not left(connection):
            due += self.rate * ENTRIES * TICK_S
            lines = [chunk(self._changed(number)) for number in range(int(due))]
            due -= int(due)
            while self._marks:
                self.entries[0] = self._marks.pop(0)
                lines.append(chunk(EntryChanged(seq=next(self._seq), entry=self.entries[0])))
            if self.counting and time.monotonic() - counted >= 1:
                counted = time.monotonic()
                lines.append(chunk(self._moved()))
            connection.sendall(b"".join(lines))

    def _changed(self, number: int) -> EntryChanged:
        seq = next(self._seq)
        at = 1 + (seq % (ENTRIES - 1))
        has = Connections(open=seq % 7, waiting=0, total=seq)
        self.entries[at] = replace(self.entries[at], connections=has, reconnects=seq // ENTRIES)
        return EntryChanged(seq=seq, entry=self.entries[at])

    def _moved(self) -> CountersMoved:
        for at, each in enumerate(self.entries):
            moved = Bytes(received=each.bytes.received + 1000 * at, sent=each.bytes.sent + at)
            self.entries[at] = replace(each, bytes=moved)
        counters = [
            EntryCounters(id=each.id, bytes=each.bytes, connections=each.connections)
            for each in self.entries
        ]
        return CountersMoved(seq=next(self._seq), entries=tuple(counters))


def left(connection: socket.socket) -> bool:
    """Whether the other end has hung up; it sends nothing after its request."""
    return bool(select.select([connection], [], [], 0)[0])


class Screen:
    """`kfwd tui` in a pseudo-terminal of its own, and what it writes there."""

    def __init__(self, env: dict[str, str]) -> None:
        self._main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kfwd", "tui"],
            env=env,
            stdin=side,
            stdout=side,
            stderr=side,
            start_new_session=True,
        )
        os.close(side)

    def press(self, keys: bytes) -> float:
        """Send keys; when that was."""
        os.write(self._main, keys)
        return time.monotonic()

    def until(self, *texts: bytes) -> float:
        """When all of these had been written, each somewhere in what comes from now on."""
        seen, deadline = b"", time.monotonic() + 4 * QUIET_S
        while not all(text in seen for text in texts):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{texts} did not come")
            seen += self._read(0.5)
        return time.monotonic()

    def watch(self, seconds: float) -> float:
        """Read for a while; percent of a core that the TUI used meanwhile."""
        before, start = cpu_s(self.process.pid), time.monotonic()
        while time.monotonic() - start < seconds:
            self._read(0.05)
        return (cpu_s(self.process.pid) - before) / (time.monotonic() - start) * 100

    def _read(self, wait_s: float) -> bytes:
        if select.select([self._main], [], [], wait_s)[0]:
            return os.read(self._main, 1 << 16)
        return b""

    def close(self) -> None:
        self.press(b"q")
        deadline = time.monotonic() + QUIET_S
        while self.process.poll() is None and time.monotonic() < deadline:
            self._drain()
        self.process.kill()
        self.process.wait()
        os.close(self._main)

    def _drain(self) -> None:
        try:
            self._read(0.05)
        except OSError:
            time.sleep(0.01)  # it has closed the terminal


@contextmanager
def running() -> Iterator[tuple[Storm, dict[str, str]]]:
    """A stand-in daemon, and the environment of its user."""
    with standing_in() as server, tempfile.TemporaryDirectory(prefix="kfwd-bench-") as folder:
        storm = Storm(server)
        env = {
            **os.environ,
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LANG": "C.UTF-8",
            "KFWD_RUNTIME_DIR": str(server.folder),
            **{f"KFWD_{name}_DIR": str(Path(folder) / name) for name in ("CONFIG", "STATE", "LOG")},
        }
        try:
            yield storm, env
        finally:
            storm.end()


def starts(env: dict[str, str], runs: int) -> list[Figure]:
    figure = Figure("start to first complete screen", "ms", "<= 700")
    cpu = Figure("start, processor time", "ms of CPU")
    for _ in range(runs):
        screen = Screen(env)
        figure.add((screen.until(b"web-000", b"web-033", b"quit") - screen.started) * 1000)
        cpu.add(cpu_s(screen.process.pid) * 1000)
        screen.close()
    return [figure, cpu]


async def frames(storm: Storm, env: dict[str, str], runs: int) -> Figure:
    """Processor time to take in what came meanwhile and to draw what is seen of it: as many
    changes as come between two frames, all in sight.
    """
    figure = Figure("frame, all in sight changed", "ms of CPU", "<= 16")
    app = KfwdApp(env)
    async with app.run_test(size=SIZE) as pilot:
        while not app.picture.known:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(TICK_S)
        await pilot.pause()
        changed = round(ENTRIES * CHANGES * FLUSH_S)
        for number in range(runs):
            seen = Connections(open=number, total=number)
            entries = [replace(each, connections=seen) for each in storm.entries[:changed]]
            start = time.thread_time()
            app.picture.apply(EntryChanged(seq=number, entry=each) for each in entries)
            app.screen.renew()  # type: ignore[attr-defined]  # the overview
            app.screen._on_timer_update()
            figure.add((time.thread_time() - start) * 1000)
            await pilot.pause()
    return figure


def changes(storm: Storm, screen: Screen, runs: int, when: str) -> list[Figure]:
    """From the moment in which a change is sent until it has been written to the terminal."""
    taken = []
    for number in range(runs):
        target = f"svc/m{number:03}{when[:1]}"
        sent = time.monotonic()
        storm.mark(target)
        taken.append((screen.until(target.encode()) - sent) * 1000)
        screen.watch(0.07)
    return _figures(f"change to screen, {when}", taken, 250)


def keys(screen: Screen, runs: int, when: str) -> list[Figure]:
    """From a key until its effect has been written: another order, and its name below."""
    taken = []
    for _ in range(runs):
        for text in (b"worst first", b"most traffic", b"youngest first"):
            pressed = screen.press(b"S")
            taken.append((screen.until(text) - pressed) * 1000)
            screen.watch(0.2)
        screen.press(b"S")
        screen.watch(0.3)
    return _figures(f"key to screen, {when}", taken, 100)


def _figures(what: str, taken: list[float], goal: float) -> list[Figure]:
    found = [Figure(f"{what}, median", "ms", f"<= {goal:g}"), Figure(f"{what}, p95", "ms")]
    found[0].add(statistics.median(taken))
    found[1].add(quantile(taken, 0.95))
    return found


def measure(seconds: float, runs: int) -> list[Figure]:
    with running() as (storm, env):
        found = [*starts(env, runs), asyncio.run(frames(storm, env, runs * 20))]
        screen = Screen(env)
        screen.until(b"web-033", b"quit")
        screen.watch(2)
        found += [*changes(storm, screen, runs * 5, "quiet"), *keys(screen, runs, "quiet")]
        storm.counting = True
        screen.until(b"30 kB/s")
        found.append(_core("traffic on each", screen, seconds))
        storm.rate = CHANGES
        found.append(_core(f"traffic and {CHANGES} changes a second on each", screen, seconds))
        found += [*changes(storm, screen, runs * 5, "storm"), *keys(screen, runs, "storm")]
        screen.close()
        return found


def _core(what: str, screen: Screen, seconds: float) -> Figure:
    figure = Figure(f"CPU, {ENTRIES} entries, {what}", "% of a core", "< 10")
    screen.watch(2)
    figure.add(screen.watch(seconds))
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.tui")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    print(report.table(report.results(measure(options.seconds, options.runs))))


if __name__ == "__main__":
    main()
