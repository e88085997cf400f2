"""`make bench-proxy`: requests through `kfwd proxy` beside `kubectl proxy`, in turn."""

from __future__ import annotations

import argparse
import selectors
import socket
import time
from typing import NamedTuple

from bench.cases import quantile
from bench.harness import Figure, Rig, accepts, cpu_s, free_ports, rig, table, wait_for

VERSION = "/version"
APP = "/api/v1/namespaces/demo/services/web:http/proxy/"
PROFILE = "version: 1\nproxies:\n  - {{name: api, listen: {port}}}\n"
WARM_UP = 50


class Asking:
    """One keep-alive connection that asks for the same page over and over."""

    def __init__(self, port: int, path: str) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), 30)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        self._left = 0
        self._sent_at = 0.0

    def ask(self) -> None:
        self._sent_at = time.perf_counter()
        self.sock.sendall(self._request)

    def read(self) -> float | None:
        """Seconds since the request, once its answer is complete."""
        data = self.sock.recv(1 << 20)
        if not data:
            raise AssertionError("the proxy ended the connection")
        if not self._left:
            head, _, body = data.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise AssertionError(head)
            length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
            self._left = int(length) - len(body)
        else:
            self._left -= len(data)
        return None if self._left else time.perf_counter() - self._sent_at


def requests(port: int, path: str, connections: int, count: int) -> list[float]:
    """How long each of `count` requests took, asked on so many connections at once."""
    times: list[float] = []
    with selectors.DefaultSelector() as ready:
        asking = [Asking(port, path) for _ in range(connections)]
        for each in asking:
            ready.register(each.sock, selectors.EVENT_READ, each)
            each.ask()
        while len(times) < count:
            for key, _ in ready.select(30):
                if (took := key.data.read()) is not None:
                    times.append(took)
                    key.data.ask()
        for each in asking:
            each.sock.close()
    return times


class Sides(NamedTuple):
    """kfwd's and kubectl's proxy."""

    ports: tuple[int, int]
    pids: tuple[int, int]


def compare(
    sides: Sides, what: tuple[str, str], connections: int, runs: int, count: int
) -> list[Figure]:
    """Rate, median time and CPU, run by run on both sides."""
    ports, pids = sides
    name = f"{what[0]}, {connections} connection{'s' if connections > 1 else ''}"
    rate = Figure(f"{name}: requests", "1/s", ">= 1")
    p50 = Figure(f"{name}: p50", "ms", "<= 1")
    cpu = Figure(f"{name}: CPU of a request", "us", "")
    for turn in range(runs):
        order = [0, 1] if turn % 2 else [1, 0]
        found: dict[int, tuple[float, float, float]] = {}
        for side in order:
            requests(ports[side], what[1], connections, WARM_UP)
            before, begun = cpu_s(pids[side]), time.perf_counter()
            times = requests(ports[side], what[1], connections, count)
            seconds = time.perf_counter() - begun
            cost = (cpu_s(pids[side]) - before) / count * 1e6
            found[side] = (count / seconds, quantile(sorted(times), 0.5) * 1000, cost)
        for figure, ours, theirs in zip((rate, p50, cpu), found[0], found[1], strict=True):
            figure.add(ours, theirs)
    return [rate, p50, cpu]


def measure(running: Rig, runs: int, count: int) -> list[Figure]:
    ours, theirs = free_ports(2)
    pid = running.daemon(PROFILE.format(port=ours), [ours])
    kubectl = running.start("kubectl", "proxy", f"--port={theirs}")
    wait_for(lambda: accepts(theirs), "kubectl proxy")
    figures = []
    for what in (("a small answer", VERSION), ("an app's page", APP)):
        for connections in (1, 8):
            sides = Sides((ours, theirs), (pid, kubectl.pid))
            figures += compare(sides, what, connections, runs, count)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.proxy", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--count", type=int, default=2000, help="requests a run")
    options = parser.parse_args()
    with rig() as running:
        print(table(measure(running, options.runs, options.count)))


if __name__ == "__main__":
    main()
