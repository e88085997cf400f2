"""`make frozen`: how soon a path that loses every packet is noticed, and what comes after it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType

from tests.frozen import netns, run
from tests.frozen.figures import Figure, summary

EXCEEDED, UNABLE = 1, 2


def missing() -> str | None:
    """What this machine lacks, in words."""
    if not sys.platform.startswith("linux"):
        return "network namespaces need Linux"
    if os.geteuid() != 0:
        return "network namespaces need root"
    tools = [tool for tool in ("ip", "tc", "ss") if shutil.which(tool) is None]
    return f"iproute2 is needed: there is no {' and no '.join(tools)}" if tools else None


async def _told(way: netns.Path, folder: Path) -> list[Figure]:
    figures = []
    async for figure in run.run(way, folder):
        sys.stdout.write(f"{figure}\n")
        sys.stdout.flush()
        figures.append(figure)
    return figures


def near(process: str, folder: str) -> int:
    """Within the near namespace that `process` has made."""
    figures = asyncio.run(_told(netns.Path.of(int(process)), Path(folder)))
    sys.stdout.write(f"{summary(figures)}\n")
    return 0 if all(figure.good for figure in figures) else EXCEEDED


def _stop(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


def main() -> int:
    if why := missing():
        sys.stderr.write(f"frozen: {why}\n")
        return UNABLE
    signal.signal(signal.SIGTERM, _stop)
    way, me = netns.Path.of(os.getpid()), str(os.getpid())
    with tempfile.TemporaryDirectory(prefix="kfwd-frozen-") as folder, netns.laid(way):
        inside = ("ip", "netns", "exec", way.near, sys.executable, "-m", "tests.frozen")
        return subprocess.run([*inside, me, folder], check=False).returncode


if __name__ == "__main__":
    sys.exit(near(*sys.argv[1:]) if sys.argv[1:] else main())
