"""New connections: serial, 32 at a time, 500 a second; near and 20 ms away; beside stalled ones."""

from __future__ import annotations

from collections.abc import Callable

from bench.harness import ECHO, Rig, free_ports
from kfwd.measure import load
from kfwd.measure.figures import Figure, quantile

BULK = b"2000000000\n"
"""What the probe's source is asked for by readers that stall."""

Drive = Callable[[int], list[float]]


def compare(
    what: str, drive: Drive, ports: tuple[int, int], runs: int, goals: tuple[str, str]
) -> list[Figure]:
    """p50 and p99 of what `drive` times on both ports, in turn."""
    p50, p99 = Figure(f"{what}, p50", "ms", goals[0]), Figure(f"{what}, p99", "ms", goals[1])
    for turn in range(runs):
        order = (0, 1) if turn % 2 else (1, 0)
        times = {side: drive(ports[side]) for side in order}
        p50.add(*(quantile(times[side], 0.5) * 1e3 for side in (0, 1)))
        p99.add(*(quantile(times[side], 0.99) * 1e3 for side in (0, 1)))
    return [p50, p99]


def serial(count: int) -> Drive:
    return lambda port: load.first_answers(port, ECHO.request, count)


def measure(rig: Rig, runs: int) -> list[Figure]:
    figures = _near(rig, runs)
    with rig.far(20):
        (ours,), (theirs,) = free_ports(1), free_ports(1)
        rig.up("connects", forwards=[rig.forward("web", {ours: "echo"})])
        kubectl = rig.port_forward("svc/web", {theirs: "echo"})
        what = "connect + first byte at 20 ms"
        figures += compare(what, serial(60), (ours, theirs), runs, ("<= 0.4", ""))
        figures += compare(
            f"{what}, 32 at a time",
            lambda port: load.first_answers(port, ECHO.request, 160, at_once=32),
            (ours, theirs),
            runs,
            ("", ""),
        )
        rig.stop(kubectl)
    return figures


def _near(rig: Rig, runs: int) -> list[Figure]:
    ours, theirs = free_ports(2), free_ports(1)
    rig.up("connects", forwards=[rig.forward("web", {ours[0]: "echo", ours[1]: "source"})])
    kubectl = rig.port_forward("svc/web", {theirs[0]: "echo"})
    ports = (ours[0], theirs[0])
    what = "connect + first byte"
    figures = compare(what, serial(300), ports, runs, ("<= 0.9", "<= 0.7"))
    figures += compare(
        f"{what}, 32 at a time",
        lambda port: load.first_answers(port, ECHO.request, 640, at_once=32),
        ports,
        runs,
        ("", ""),
    )
    figures += compare(
        f"{what}, 500 a second",
        lambda port: load.paced(port, ECHO.request, 500, 1000),
        ports,
        runs,
        ("", ""),
    )
    for size, name in ((1, "1 byte"), (1024, "1 KiB")):
        figures += compare(
            f"ping-pong of {name}",
            lambda port, size=size: load.ping_pong(port, bytes(size), size, 1000),  # type: ignore[misc]
            ports,
            runs,
            ("", ""),
        )
    rig.stop(kubectl)
    figures += _stalled(ours[0], ours[1], runs)
    rig.run("kfwd", "down", "connects")
    return figures


def _stalled(echo: int, source: int, runs: int) -> list[Figure]:
    """p99 beside stalled readers against p99 alone. kubectl never answers there (L.2)."""
    one = Figure("p99 beside 8 stalled readers / alone", "x", "<= 2")
    many = Figure("p99 of 56 connections at once beside 8 stalled / alone", "x", "<= 2")
    for _ in range(runs):
        alone = quantile(load.first_answers(echo, ECHO.request, 200), 0.99)
        crowd = _crowd(echo)
        with load.stalled_readers(source, BULK, 8):
            one.add(quantile(load.first_answers(echo, ECHO.request, 200), 0.99) / alone)
            many.add(_crowd(echo) / crowd)
    return [one, many]


def _crowd(port: int) -> float:
    return quantile(load.first_answers(port, ECHO.request, 560, at_once=56), 0.99)
