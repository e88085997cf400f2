"""What forwards cost that nobody uses: memory and CPU of 1, 50, 200 and 500."""

from __future__ import annotations

import json
import time

from bench.harness import Rig, cpu_s, free_ports, rss_mb
from kfwd.measure.figures import Figure

SETTLE_S = 5.0
WATCH_S = 20.0


def measure(rig: Rig, counts: list[int]) -> list[Figure]:
    figures = []
    for count in counts:
        last = count == counts[-1]
        memory = Figure(f"memory, {count} idle forwards", "MB", "<= 150" if last else "")
        core = Figure(f"CPU, {count} idle forwards", "% of a core", "< 1" if last else "")
        rig.run("kfwd", "daemon", "stop")
        ports = free_ports(count)
        pid = rig.up("idle", forwards=[rig.forward(f"f{port}", {port: "echo"}) for port in ports])
        time.sleep(SETTLE_S)
        before, start = cpu_s(pid), time.monotonic()
        time.sleep(WATCH_S)
        core.add((cpu_s(pid) - before) / (time.monotonic() - start) * 100)
        memory.add(rss_mb(pid))
        check(rig, count)
        rig.run("kfwd", "down", "idle")
        figures += [memory, core]
    return figures


def check(rig: Rig, count: int) -> None:
    """What was measured is what so many forwards cost, not fewer."""
    entries = json.loads(rig.run("kfwd", "ls", "-o", "json"))["entries"]
    idle = [entry for entry in entries if entry["profile"] == "idle"]
    ready = sum(entry["state"] == "ready" for entry in idle)
    if ready != count:
        raise AssertionError(f"{ready} of {count} forwards are ready")
