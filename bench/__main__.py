"""`make bench`: kfwd beside kubectl on the simulated cluster, one table at the end."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from bench import report
from bench.cases import download, first_byte, first_bytes, quantile, stalled_readers, upload
from bench.harness import BIN, Figure, Rig, cpu_s, free_ports, rig, rss_mb, table, wait_for

GB = 1e9
PORTS = ("source", "sha-counted", "echo")


def profile(ports: list[int]) -> str:
    pairs = ", ".join(f'"{port}:{name}"' for port, name in zip(ports, PORTS, strict=True))
    return f"version: 1\nforwards:\n  - {{name: web, target: svc/web, ports: [{pairs}]}}\n"


def many(ports: list[int]) -> str:
    rows = [f'  - {{name: f{port}, target: svc/web, ports: ["{port}:echo"]}}' for port in ports]
    return "version: 1\nforwards:\n" + "\n".join(rows) + "\n"


def bulk(
    ours: list[int], theirs: list[int], pids: tuple[int, int], runs: int, size: int
) -> list[Figure]:
    figures = []
    for name, move, goal in (("download", download, "1.1"), ("upload", upload, "1.3")):
        index = 0 if name == "download" else 1
        rate = Figure(f"bulk {name}", "MB/s", f">= {goal}")
        cpu = Figure(f"CPU of a GB, {name}", "s", "<= 0.6")
        for _ in range(runs):
            rates, costs = [], []
            for port, pid in ((ours[index], pids[0]), (theirs[index], pids[1])):
                before = cpu_s(pid)
                rates.append(move(port, size))
                costs.append((cpu_s(pid) - before) / (size / GB))
            rate.add(*rates)
            cpu.add(*costs)
        figures += [rate, cpu]
    return figures


def connects(
    ports: tuple[int, int], runs: int, count: int, label: str, goals: tuple[str, str]
) -> list[Figure]:
    p50 = Figure(f"connect + first byte{label}, p50", "ms", goals[0])
    p99 = Figure(f"connect + first byte{label}, p99", "ms", goals[1])
    for _ in range(runs):
        both = [first_bytes(port, count) for port in ports]
        p50.add(*(quantile(times, 0.5) * 1e3 for times in both))
        p99.add(*(quantile(times, 0.99) * 1e3 for times in both))
    return [p50, p99]


def beside_stalled(ours: list[int], runs: int) -> Figure:
    """p99 beside 8 stalled readers against p99 alone; kubectl never answers there."""
    figure = Figure("p99 beside 8 stalled readers / alone", "x", "<= 2")
    for _ in range(runs):
        alone = quantile(first_bytes(ours[2], 200), 0.99)
        with stalled_readers(ours[0], 8):
            figure.add(quantile(first_bytes(ours[2], 200), 0.99) / alone)
    return figure


def idle(rig: Rig, count: int) -> list[Figure]:
    ports = free_ports(count)
    pid = rig.daemon(many(ports), ports[-1:], "idle")
    memory = Figure(f"memory, {count} idle forwards", "MB", "<= 150")
    core = Figure(f"CPU, {count} idle forwards", "% of a core", "< 1")
    time.sleep(5)
    before, start = cpu_s(pid), time.monotonic()
    time.sleep(20)
    core.add((cpu_s(pid) - before) / (time.monotonic() - start) * 100)
    memory.add(rss_mb(pid))
    rig.run("kfwd", "down", "idle")
    return [memory, core]


def killed(rig: Rig, count: int) -> list[Figure]:
    """SIGKILL and a new start with `count` forwards."""
    ports = free_ports(count)
    pid = rig.daemon(many(ports), ports, "killed")
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not alive(pid), "the end of the daemon")
    start = time.monotonic()
    rig.start("kfwd", "daemon", "start")
    accept = Figure(f"all of {count} ports accept after SIGKILL", "s", "<= 1")
    through = Figure(f"a byte through all {count} after SIGKILL", "s", "<= 3")
    for port in ports:
        wait_for(lambda port=port: bool(echoes(port, connect_only=True)), f"port {port}")  # type: ignore[misc]
    accept.add(time.monotonic() - start)
    for port in ports:
        wait_for(lambda port=port: bool(echoes(port)), f"a byte through {port}")  # type: ignore[misc]
    through.add(time.monotonic() - start)
    rig.run("kfwd", "down", "killed")
    return [accept, through]


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def echoes(port: int, *, connect_only: bool = False) -> bool:
    with contextlib.suppress(OSError, AssertionError):
        if connect_only:
            socket.create_connection(("127.0.0.1", port), 1).close()
        else:
            first_byte(port)
        return True
    return False


def commands(rig: Rig, port: int, runs: int) -> list[Figure]:
    listing = Figure("kfwd ls", "ms", "<= 150")
    starting = Figure("daemon start to first byte", "s", "<= 0.8")
    for _ in range(max(runs, 3)):
        start = time.perf_counter()
        rig.run("kfwd", "ls")
        listing.add((time.perf_counter() - start) * 1e3)
    for _ in range(runs):
        rig.run("kfwd", "daemon", "stop")
        start = time.perf_counter()
        rig.start("kfwd", "daemon", "run")
        wait_for(lambda: echoes(port), "the first byte")
        starting.add(time.perf_counter() - start)
    return [listing, starting]


def recovery(rig: Rig, runs: int) -> Figure:
    """From the readiness of a deleted single replica's successor to the first good byte."""
    figure = Figure("new pod ready to first good byte", "ms", "<= 100")
    (port,) = free_ports(1)
    rig.kubectl("scale", "deployment/web", "--replicas=1")
    rig.daemon(
        f'version: 1\nforwards:\n  - {{name: one, target: svc/web, ports: ["{port}:echo"]}}\n',
        [port],
        "one",
    )
    rig.kubectl("wait", "--for=jsonpath={.status.replicas}=1", "deployment/web", "--timeout=30s")
    for _ in range(runs):
        figure.add(_recover(rig, port))
    rig.kubectl("scale", "deployment/web", "--replicas=3")
    rig.run("kfwd", "down", "one")
    return figure


def _recover(rig: Rig, port: int) -> float:
    """Delete the pod; a connection waits meanwhile, and kubectl's watch says when one is ready."""
    name = rig.kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}")
    ready: list[float] = []

    def follow() -> None:
        assert watch.stdout is not None
        for line in watch.stdout:
            if b" 1/1 " in line and b" Running " in line and name.encode() not in line:
                ready.append(time.perf_counter())
                return

    watch = subprocess.Popen(
        [str(BIN / "kubectl"), "get", "pods", "-l", "app=web", "-w"],
        env=rig.env,
        stdout=subprocess.PIPE,
    )
    follower = threading.Thread(target=follow)
    follower.start()
    try:
        rig.kubectl("delete", "pod", name, "--force", "--grace-period=0", "--wait=false")
        wait_for(lambda: echoes(port), "a byte")  # the first may have met the old pod's end
        served = time.perf_counter()
        wait_for(lambda: ready, "a new pod")
    finally:
        watch.terminate()
        watch.wait()
        follower.join()
        watch.stdout.close()  # type: ignore[union-attr]  # it is a pipe
    return max(0.0, (served - ready[0]) * 1e3)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--forwards", type=int, default=500)
    parser.add_argument("--json", type=Path, help="write the results here, for a later --check")
    parser.add_argument("--picture", type=Path, help="draw the ratios here, as SVG")
    parser.add_argument("--check", type=Path, help="fail if a ratio is over 15 %% worse than here")
    options = parser.parse_args()
    with rig() as running:
        figures = measure(running, options.runs, options.megabytes << 20, options.forwards)
    print(table(figures))
    found = report.results(figures)
    if options.json:
        options.json.write_bytes(report.encode(found))
    if options.picture:
        options.picture.write_text(report.picture(found))
    if options.check and (worse := report.worse(report.load(options.check), found)):
        sys.exit("\n".join(worse))


def measure(running: Rig, runs: int, size: int, forwards: int) -> list[Figure]:
    ours, theirs = free_ports(3), free_ports(3)
    pid = running.daemon(profile(ours), ours)
    kubectl = running.port_forward("svc/web", dict(zip(theirs, PORTS, strict=True)), websocket=True)
    figures = []
    say("bulk")
    figures += bulk(ours, theirs, (pid, kubectl.pid), runs, size)
    say("connects")
    figures += connects((ours[2], theirs[2]), runs, 300, "", ("<= 0.9", "<= 0.7"))
    figures.append(beside_stalled(ours, runs))
    running.stop(kubectl)
    say("connects at 20 ms")
    running.faults(latency_ms=20)
    running.run("kfwd", "daemon", "stop")
    running.run("kfwd", "up", "bench", "--wait", "30")
    kubectl = running.port_forward("svc/web", {theirs[2]: "echo"}, websocket=True)
    figures += connects((ours[2], theirs[2]), runs, 40, " at 20 ms", ("<= 0.4", "<= 0.7"))
    running.stop(kubectl)
    running.faults(latency_ms=0)
    say("commands")
    figures += commands(running, ours[2], runs)
    running.run("kfwd", "down", "bench")
    say("recovery")
    figures.append(recovery(running, runs))
    say("kills")
    figures += killed(running, 100)
    say("idle")
    return figures + idle(running, forwards)


def say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
