"""HTTP: keep-alive through a forward, through the API proxy, and through the gateway."""

from __future__ import annotations

from bench.harness import MORE, PAGE, Rig, accepts, cpu_s, free_ports, wait_for
from kfwd.measure import load
from kfwd.measure.figures import Figure, quantile
from kfwd.measure.speech import Kind, Speech, http

Side = tuple[int, int]
"""Port and pid."""


def measure(rig: Rig, runs: int, count: int) -> list[Figure]:
    return _forward(rig, runs, count) + _api_proxy(rig, runs, count) + _gateway(rig, runs, count)


def compare(
    what: str,
    speech: Speech,
    sides: tuple[Side, Side | None],
    runs: int,
    count: int,
    *,
    goals: bool = False,
) -> list[Figure]:
    """Rate, median time and CPU of a request on one connection and on eight."""
    figures = []
    for connections in (1, 8):
        name = f"{what}, {connections} connection{'s' if connections > 1 else ''}"
        rate = Figure(f"{name}: requests", "1/s", ">= 1" if goals else "", higher=True)
        p50 = Figure(f"{name}: p50", "ms", "<= 1" if goals else "")
        cpu = Figure(f"{name}: CPU of a request", "us")
        for turn in range(runs * (MORE if goals else 1)):
            order = (0, 1) if turn % 2 else (1, 0)
            found = {
                index: _once(side, speech, connections, count)
                for index in order
                if (side := sides[index]) is not None
            }
            for figure, ours, theirs in zip(
                (rate, p50, cpu), found[0], found.get(1, (None,) * 3), strict=True
            ):
                figure.add(ours, theirs)
        figures += [rate, p50, cpu]
    return figures


def _once(side: Side, speech: Speech, connections: int, count: int) -> tuple[float, float, float]:
    port, pid = side
    load.asked(port, speech, connections, 50)
    served = load.asked(port, speech, connections, count, lambda: cpu_s(pid))
    return count / served.seconds, quantile(served.times, 0.5) * 1e3, served.cost / count * 1e6


def _forward(rig: Rig, runs: int, count: int) -> list[Figure]:
    ours, theirs = free_ports(2)
    pid = rig.up("requests", forwards=[rig.forward("web", {ours: "http"})])
    kubectl = rig.port_forward("svc/web", {theirs: "http"})
    sides = ((ours, pid), (theirs, kubectl.pid))
    figures = compare("a page through a forward", PAGE, sides, runs, count)
    rig.stop(kubectl)
    rig.run("kfwd", "down", "requests")
    return figures


def _api_proxy(rig: Rig, runs: int, count: int) -> list[Figure]:
    ours, theirs = free_ports(2)
    pid = rig.up("requests", proxies=[{"name": "api", "listen": f"127.0.0.1:{ours}"}])
    kubectl = rig.start("kubectl", "proxy", f"--port={theirs}")
    wait_for(lambda: accepts(theirs), "kubectl proxy")
    app = f"/api/v1/namespaces/{rig.namespace}/services/web:http/proxy/"
    figures = []
    for what, path in (("a small answer of the API", "/version"), ("a page of an app", app)):
        speech = Speech(Kind.HTTP, http(path), repeats=True)
        sides = ((ours, pid), (theirs, kubectl.pid))
        figures += compare(f"API proxy, {what}", speech, sides, runs, count, goals=True)
    rig.stop(kubectl)
    rig.run("kfwd", "down", "requests")
    return figures


def _gateway(rig: Rig, runs: int, count: int) -> list[Figure]:
    (port,) = free_ports(1)
    pid = rig.up("requests", gateway={"listen": f"127.0.0.1:{port}"})
    host = f"web.{rig.namespace}.localhost:{port}"
    speech = Speech(Kind.HTTP, http("/", host), repeats=True)
    figures = compare("a page through the gateway", speech, ((port, pid), None), runs, count)
    rig.run("kfwd", "down", "requests")
    return figures
