"""`make soak`: what takes longer than a test may, with `SOAK_CONNECTIONS` short connections."""

from __future__ import annotations

import asyncio
import os
import sys

from tests.soak.figures import Figure, summary
from tests.soak.run import Extent, run


async def _told(extent: Extent) -> list[Figure]:
    figures = []
    async for figure in run(extent):
        sys.stdout.write(f"{figure}\n")
        sys.stdout.flush()
        figures.append(figure)
    return figures


def main() -> int:
    """Returns 0 if no bound was exceeded."""
    connections = int(os.environ.get("SOAK_CONNECTIONS") or Extent().connections)
    figures = asyncio.run(_told(Extent(connections=connections)))
    sys.stdout.write(f"{summary(figures)}\n")
    return 0 if all(figure.good for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
