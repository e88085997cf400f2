"""`make bench-growth`: what forwards, connections, pods, profiles and contexts cost as they grow.

Each is measured at four sizes. Linear or better means: the largest costs no more than the line
through the smallest and the second largest says, but for noise.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from bench import report
from bench.harness import Rig, cpu_s, echoes, free_ports, rig, rss_mb, wait_for
from bench.idle import SETTLE_S
from bench.watch import crowded
from kfwd import yamldoc
from kfwd.measure.figures import number

NOISE = 1.5
"""How many times as much the largest may seem to cost."""


class Growth(Struct, frozen=True):
    """One cost at four sizes."""

    what: str
    unit: str
    sizes: tuple[int, ...]
    costs: tuple[float, ...]

    @property
    def linear(self) -> bool:
        """Whether the cost grows with the size or slower."""
        first, near, last = self.sizes[0], self.sizes[-2], self.sizes[-1]
        piece = max(0.0, self.costs[-2] - self.costs[0]) / (near - first)
        return self.costs[-1] <= NOISE * (self.costs[0] + piece * (last - first))


Measured = dict[tuple[str, str], float]


def forwards(rig: Rig, count: int) -> Measured:
    """Idle forwards to one service."""
    ports = free_ports(count)
    rows = [rig.forward(f"f{port}", {port: "echo"}) for port in ports]
    begun = time.perf_counter()
    pid = rig.up("growth", forwards=rows)
    for port in ports:
        wait_for(lambda port=port: echoes(port), f"port {port}")  # type: ignore[misc]
    ready = time.perf_counter() - begun
    return {
        ("until a byte through each", "s"): ready,
        ("memory", "MB"): rss_mb(pid),
        ("CPU", "% of a core"): _idle(pid),
    }


def connections(rig: Rig, count: int) -> Measured:
    """Open connections that are silent."""
    (port,) = free_ports(1)
    pid = rig.up("growth", forwards=[rig.forward("web", {port: "echo"})])
    begun = time.perf_counter()
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", port), 60))
            sock.sendall(b"x")
            sock.recv(1)
        opened = time.perf_counter() - begun
        return {
            ("until all are open", "s"): opened,
            ("memory", "MB"): rss_mb(pid),
            ("CPU", "% of a core"): _idle(pid),
        }


def pods(rig: Rig, count: int) -> Measured:
    """Pods in the namespace of a forward."""
    (port,) = free_ports(1)
    with crowded(rig, count) as kubeconfig:
        forward = {"name": "web", "target": "svc/web", "ports": [f"{port}:echo"]}
        rig.run("kfwd", "daemon", "start")
        pid = rig.pid()
        before, begun = cpu_s(pid), time.perf_counter()
        rig.up("growth", kubeconfig=str(kubeconfig), namespace="demo", forwards=[forward])
        wait_for(lambda: echoes(port), "a byte")
        ready = time.perf_counter() - begun
        found = {
            ("until a byte", "s"): ready,
            ("CPU until then", "s"): cpu_s(pid) - before,
            ("memory", "MB"): rss_mb(pid),
        }
        rig.run("kfwd", "down", "growth")
        return found


def profiles(rig: Rig, count: int) -> Measured:
    """Profiles of one forward each."""
    folder = rig.folder / "CONFIG" / "profiles"
    ports = free_ports(count)
    for index, port in enumerate(ports):
        profile = {"version": 1, "forwards": [rig.forward("web", {port: "echo"})]}
        (folder / f"growth-{index}.yaml").write_text(json.dumps(profile))
    names = [f"growth-{index}" for index in range(count)]
    begun = time.perf_counter()
    rig.run("kfwd", "up", *names, "--wait", "60")
    ready = time.perf_counter() - begun
    planned = min(_plan(rig) for _ in range(5))
    found = {("up", "s"): ready, ("plan", "s"): planned, ("memory", "MB"): rss_mb(rig.pid())}
    rig.run("kfwd", "down", "--all")
    for name in names:
        (folder / f"{name}.yaml").unlink()
    return found


def _plan(rig: Rig) -> float:
    begun = time.perf_counter()
    rig.run("kfwd", "plan")
    return time.perf_counter() - begun


def contexts(rig: Rig, count: int) -> Measured:
    """Contexts with one forward each."""
    config = yamldoc.load(rig.kubeconfig.read_text())
    found = config["contexts"][0]  # type: ignore[index]  # a kubeconfig
    config["contexts"] += [{**found, "name": f"c{index}"} for index in range(count)]  # type: ignore[index, call-overload]
    path = rig.folder / "many-contexts"
    path.write_text(json.dumps(config))
    folder = rig.folder / "CONFIG" / "profiles"
    ports = free_ports(count)
    names = [f"context-{index}" for index in range(count)]
    for index, port in enumerate(ports):
        row = rig.forward("web", {port: "echo"})
        profile = {"version": 1, "kubeconfig": str(path), "context": f"c{index}", "forwards": [row]}
        (folder / f"{names[index]}.yaml").write_text(json.dumps(profile))
    begun = time.perf_counter()
    rig.run("kfwd", "up", *names, "--wait", "60")
    ready = time.perf_counter() - begun
    pid = rig.pid()
    cost = {("up", "s"): ready, ("memory", "MB"): rss_mb(pid), ("CPU", "% of a core"): _idle(pid)}
    rig.run("kfwd", "down", "--all")
    for name in names:
        (folder / f"{name}.yaml").unlink()
    return cost


def _idle(pid: int, seconds: float = 10.0) -> float:
    """% of a core of a daemon that nobody uses, once it has settled."""
    time.sleep(SETTLE_S)
    before = cpu_s(pid)
    time.sleep(seconds)
    return (cpu_s(pid) - before) / seconds * 100


CASES: Sequence[tuple[str, Callable[[Rig, int], Measured], tuple[int, ...]]] = (
    ("forwards", forwards, (1, 50, 200, 500)),
    ("connections", connections, (1, 16, 64, 256)),
    ("pods", pods, (500, 1000, 2500, 5000)),
    ("profiles", profiles, (1, 10, 50, 200)),
    ("contexts", contexts, (1, 4, 16, 64)),
)


def measure(rig: Rig) -> list[Growth]:
    found = []
    for what, case, sizes in CASES:
        costs = []
        for size in sizes:
            print(f"{time.strftime('%H:%M:%S')} {size} {what}", file=sys.stderr, flush=True)
            costs.append(case(rig, size))
            rig.run("kfwd", "down", "--all")
            rig.run("kfwd", "daemon", "stop")
        for name, unit in costs[0]:
            values = tuple(each[name, unit] for each in costs)
            found.append(Growth(f"{what}: {name}", unit, sizes, values))
    return found


def table(found: Sequence[Growth]) -> str:
    """In Markdown."""
    lines = ["| what | sizes | costs | |", "|---|---|---|---|"]
    for each in found:
        sizes = ", ".join(str(size) for size in each.sizes)
        costs = ", ".join(number(cost) for cost in each.costs)
        shape = "linear or better" if each.linear else "more than linear"
        lines.append(f"| {each.what} | {sizes} | {costs} {each.unit} | {shape} |")
    return "\n".join(lines)


def main() -> None:
    with rig() as running:
        found = measure(running)
    print(table(found))
    page = Path("docs/performance.md")
    page.write_text(report.placed(page.read_text(), table(found), "growth"))
    if worse := [each.what for each in found if not each.linear]:
        sys.exit(f"more than linear: {', '.join(worse)}")


if __name__ == "__main__":
    main()
