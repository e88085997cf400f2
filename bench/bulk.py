"""Bulk down and up, one connection and eight, writes of 1 KiB, 64 KiB and 1 MiB, and their CPU."""

from __future__ import annotations

import concurrent.futures
import functools
import hashlib
import socket
import time
from collections.abc import Callable, Iterator

from bench.harness import MORE, Rig, cpu_s, free_ports
from kfwd.measure.figures import Figure

MB = 1_000_000
GB = 1e9
KIB = 1024
PORTS = ("source", "sha-counted")
SMALL = 64 << 20
"""Bytes moved in writes of 1 KiB, which take longer."""


def download(port: int, size: int) -> None:
    """Read `size` bytes from the probe's source."""
    buffer = bytearray(1 << 20)
    got = 0
    with socket.create_connection(("127.0.0.1", port), 60) as sock:
        sock.sendall(f"{size}\n".encode())
        while count := sock.recv_into(buffer):
            got += count
    if got != size:
        raise AssertionError(f"{got} of {size} bytes came")


def upload(port: int, size: int, block: int = 1 << 20) -> None:
    """Write `size` bytes to the probe's counted hash, which must be right."""
    data = bytes(block)
    with socket.create_connection(("127.0.0.1", port), 60) as sock:
        sock.sendall(f"{size}\n".encode())
        for _ in range(size // block):
            sock.sendall(data)
        answer = sock.makefile().readline().split()
    if answer != [str(size), digest(size)]:
        raise AssertionError("the upload's count or hash is wrong")


@functools.cache
def digest(size: int) -> str:
    """SHA-256 of so many zeros, which takes as long as an upload of them may."""
    found = hashlib.sha256()
    for _ in range(size >> 20):
        found.update(bytes(1 << 20))
    return found.hexdigest()


def at_once(move: Callable[[int, int], None], port: int, size: int, connections: int) -> None:
    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        list(pool.map(lambda _: move(port, size // connections), range(connections)))


Move = Callable[[int, int], None]


def cases(size: int) -> Iterator[tuple[str, int, Move, int, str]]:
    """Name, which port, how, bytes, goal of the rate."""
    yield "download", 0, download, size, ">= 1.1"
    yield "upload", 1, upload, size, ">= 1.3"
    yield "download, 8 connections", 0, lambda port, n: at_once(download, port, n, 8), size, ""
    yield "upload, 8 connections", 1, lambda port, n: at_once(upload, port, n, 8), size, ""
    yield "upload, writes of 64 KiB", 1, lambda port, n: upload(port, n, 64 * KIB), size, ""
    small = min(size, SMALL)
    yield "upload, writes of 1 KiB", 1, lambda port, n: upload(port, n, KIB), small, ""


def measure(rig: Rig, runs: int, size: int) -> list[Figure]:
    ours, theirs = free_ports(2), free_ports(2)
    pid = rig.up("bulk", forwards=[rig.forward("web", dict(zip(ours, PORTS, strict=True)))])
    kubectl = rig.port_forward("svc/web", dict(zip(theirs, PORTS, strict=True)))
    for known in (size, size // 8, min(size, SMALL)):
        digest(known)  # before anything is timed
    figures = []
    for what, index, move, count, goal in cases(size):
        rate = Figure(f"bulk {what}", "MB/s", goal, higher=True)
        cpu = Figure(f"CPU of a GB, {what}", "s", "<= 0.6" if goal else "")
        sides = ((ours[index], pid), (theirs[index], kubectl.pid))
        for turn in range(runs * (MORE if goal else 1)):
            order = (0, 1) if turn % 2 else (1, 0)
            found = {side: once(*sides[side], move, count) for side in order}
            for figure, mine, other in zip((rate, cpu), found[0], found[1], strict=True):
                figure.add(mine, other)
        figures += [rate, cpu]
    rig.stop(kubectl)
    rig.run("kfwd", "down", "bulk")
    return figures


def once(port: int, pid: int, move: Move, size: int) -> tuple[float, float]:
    """MB a second, and the CPU seconds of the process for a GB."""
    before, begun = cpu_s(pid), time.perf_counter()
    move(port, size)
    seconds = time.perf_counter() - begun
    return size / MB / seconds, (cpu_s(pid) - before) / (size / GB)
