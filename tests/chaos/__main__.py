"""`make chaos`: everything at once, for `CHAOS_S` seconds, as the seed `CHAOS_SEED` has it."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.run import run


def main() -> int:
    """Returns 0 if nothing happened that must not."""
    seed = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(1_000_000))
    folder = Path(tempfile.mkdtemp(prefix="kfwd-chaos-"))
    report = asyncio.run(run(seed, float(os.environ.get("CHAOS_S") or 120), folder))
    if report.good:
        shutil.rmtree(folder)
    else:
        sys.stdout.write(f"the logs are in {folder}\n")
    sys.stdout.write(f"{report}\n")
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(main())
