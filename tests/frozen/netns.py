"""Network namespaces in a row: near, a router, far. Nobody is told of what the router drops."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator

from msgspec import Struct

NEAR_NET, FAR_NET = "10.77.1", "10.77.2"
SERVER = f"{FAR_NET}.2"
KILL_S = 5.0


def ip(*words: str) -> str:
    """`ip` of iproute2, and what it prints."""
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


class Path(Struct, frozen=True):
    """The names of the namespaces."""

    near: str
    router: str
    far: str

    @staticmethod
    def of(process: int) -> Path:
        return Path(*(f"kfwd-{process}-{end}" for end in ("near", "router", "far")))

    def freeze(self) -> None:
        """Lose every packet from now on."""
        self._forward(0)

    def thaw(self) -> None:
        self._forward(1)

    def rate(self, rate: str) -> None:
        """Let no more through than, say, `400kbit` a second each way."""
        for end in ("near", "far"):
            bucket = ("tbf", "rate", rate, "burst", "32kb", "latency", "1s")
            within(self.router, "tc", "qdisc", "replace", "dev", f"to-{end}", "root", *bucket)

    def _forward(self, on: int) -> None:
        within(self.router, "sh", "-c", f"echo {on} > /proc/sys/net/ipv4/ip_forward")


def within(namespace: str, *command: str) -> None:
    ip("netns", "exec", namespace, *command)


@contextlib.contextmanager
def laid(path: Path) -> Iterator[None]:
    """The namespaces exist meanwhile; afterwards nothing that ran in them is left."""
    names = (path.near, path.router, path.far)
    try:
        for name in names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        _join(path.near, path.router, "near", NEAR_NET)
        _join(path.far, path.router, "far", FAR_NET)
        path.thaw()
        yield
    finally:
        for name in names:
            with contextlib.suppress(subprocess.CalledProcessError):
                _empty(name)
                ip("netns", "del", name)


def _join(end: str, router: str, name: str, net: str) -> None:
    other = f"to-{name}"
    ip("link", "add", "way", "netns", end, "type", "veth", "peer", other, "netns", router)
    for namespace, device, last in ((end, "way", 2), (router, other, 1)):
        ip("-n", namespace, "addr", "add", f"{net}.{last}/24", "dev", device)
        ip("-n", namespace, "link", "set", device, "up")
    ip("-n", end, "route", "add", "default", "via", f"{net}.1")


def _empty(namespace: str) -> None:
    """End what runs there, by force after `KILL_S`."""
    deadline = time.monotonic() + KILL_S
    while running := ip("netns", "pids", namespace).split():
        late = time.monotonic() > deadline
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL if late else signal.SIGTERM)
        time.sleep(0.1)
