"""The cases of `kfwd bench`: what is measured through the ports of two forwarders, in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from kfwd.measure import load
from kfwd.measure.figures import Figure, Result, quantile
from kfwd.measure.processes import Forwarder, cpu_s
from kfwd.measure.speech import Kind, Speech, openings, recognise

LISTEN_S = 1.0
"""How long a server may take to speak first, or to answer an opening."""

STALLED = 8
STALL_S = 5.0
"""A connection beside stalled ones that is not served in this time is counted with it."""

LARGE = 1_000_000
"""A page of so many bytes is a download, and can be stalled on."""

MB = 1e6


class Sides(Struct, frozen=True):
    """Both forwarders; `kfwd.pid` is the daemon, which is what relays."""

    kfwd: Forwarder
    kubectl: Forwarder | None

    def each(self, turn: int) -> Sequence[Forwarder]:
        """Both, in another order every turn, since the first may warm something up."""
        if self.kubectl is None:
            return (self.kfwd,)
        return (self.kfwd, self.kubectl) if turn % 2 else (self.kubectl, self.kfwd)


def find_speech(port: int, path: str) -> Speech | None:
    """What the server behind a local port speaks."""
    for sent in openings(path):
        if speech := recognise(sent, _answer(port, sent)):
            return speech
    return None


def _answer(port: int, sent: bytes) -> bytes:
    try:
        with load.connected(port, load.PATIENCE_S) as sock:
            sock.settimeout(LISTEN_S)
            sock.sendall(sent)
            return sock.recv(load.HEAD)
    except OSError:  # a server may well reset what it does not understand
        return b""


def measure(
    sides: Sides, speech: Speech, runs: int, count: int, say: Callable[[str], None]
) -> list[Result]:
    """All cases that such a server allows, each `runs` times in pairs."""
    found = []
    for what, case in _cases(speech, _page(sides.kfwd.port, speech)):
        say(what)
        found += [figure.result for figure in case(sides, speech, runs, count)]
    return found


Case = Callable[[Sides, Speech, int, int], list[Figure]]


def _page(port: int, speech: Speech) -> int:
    """Bytes of one HTTP answer; 0 for anything else."""
    return load.asked(port, speech, 1, 1).bytes if speech.kind is Kind.HTTP else 0


def _cases(speech: Speech, page: int) -> Iterator[tuple[str, Case]]:
    yield "connections one after the other", one_by_one
    yield "32 connections at a time", many_at_once
    if speech.repeats:
        yield "requests on kept connections", kept
    if page >= LARGE:
        yield "download", download
        yield f"connections beside {STALLED} stalled readers", beside_stalled


def one_by_one(sides: Sides, speech: Speech, runs: int, count: int) -> list[Figure]:
    p50 = Figure("new connection to first byte, p50", "ms", "<= 0.9")
    p99 = Figure("new connection to first byte, p99", "ms", "<= 0.7")
    cpu = Figure("CPU of a connection", "ms")
    for turn in range(runs):
        times: dict[Forwarder, list[float]] = {}
        cost: dict[Forwarder, float | None] = {}
        for side in sides.each(turn):
            before = cpu_s(side.pid)
            times[side] = load.first_answers(side.port, speech.request, count)
            after = cpu_s(side.pid)
            cost[side] = None if before is None or after is None else (after - before) / count
        _pair(p50, sides, {side: quantile(took, 0.5) * 1e3 for side, took in times.items()})
        _pair(p99, sides, {side: quantile(took, 0.99) * 1e3 for side, took in times.items()})
        known = {side: value * 1e3 for side, value in cost.items() if value is not None}
        if sides.kfwd in known:
            _pair(cpu, sides, known)
    return [p50, p99, *([cpu] if cpu.measured else [])]


def many_at_once(sides: Sides, speech: Speech, runs: int, count: int) -> list[Figure]:
    figure = Figure("the same, 32 at a time, p50", "ms", "<= 0.9")
    for turn in range(runs):
        _pair(
            figure,
            sides,
            {
                side: quantile(
                    load.first_answers(side.port, speech.request, count, at_once=32), 0.5
                )
                * 1e3
                for side in sides.each(turn)
            },
        )
    return [figure]


def kept(sides: Sides, speech: Speech, runs: int, count: int) -> list[Figure]:
    p50 = Figure("a request on a kept connection, p50", "ms")
    rate = Figure("requests on 8 kept connections", "1/s", higher=True)
    for turn in range(runs):
        single, many = {}, {}
        for side in sides.each(turn):
            single[side] = quantile(load.asked(side.port, speech, 1, count).times, 0.5) * 1e3
            many[side] = 4 * count / load.asked(side.port, speech, 8, 4 * count).seconds
        _pair(p50, sides, single)
        _pair(rate, sides, many)
    return [p50, rate]


def download(sides: Sides, speech: Speech, runs: int, count: int) -> list[Figure]:
    rate = Figure("download", "MB/s", ">= 1.1")
    for turn in range(runs):
        served = {side: load.asked(side.port, speech, 1, 2) for side in sides.each(turn)}
        _pair(rate, sides, {side: got.bytes / MB / got.seconds for side, got in served.items()})
    return [rate]


def beside_stalled(sides: Sides, speech: Speech, runs: int, count: int) -> list[Figure]:
    figure = Figure(f"beside {STALLED} stalled readers, p99", "ms")
    for turn in range(runs):
        times = {}
        for side in sides.each(turn):
            with load.stalled_readers(side.port, speech.request, STALLED):
                times[side] = _patient(side.port, speech.request, min(count, 50)) * 1e3
        _pair(figure, sides, times)
    return [figure]


def _patient(port: int, request: bytes, count: int) -> float:
    """p99 in seconds; the bound as soon as one connection is not served within it, or is reset."""
    try:
        return quantile(load.first_answers(port, request, count, timeout=STALL_S), 0.99)
    except (OSError, load.Broken):
        return STALL_S


def _pair(figure: Figure, sides: Sides, found: dict[Forwarder, float]) -> None:
    figure.add(found[sides.kfwd], found.get(sides.kubectl) if sides.kubectl else None)
