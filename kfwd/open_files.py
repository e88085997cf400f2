"""How many files a process may have open."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
from pathlib import Path

OPEN_MAX = 10_240
"""What macOS allows though it refuses "unlimited" (setrlimit(2) there)."""


def raise_limit() -> None:
    """Allow as many as the system lets us have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for most in (hard, max(soft, OPEN_MAX)) if soft != hard else ():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            return


def make_room(files: int) -> None:
    """Have the kernel make room for so many descriptors while there is one thread: later whoever
    opens the 64th, 128th and so on waits some 15 ms for it (Linux `fs/file.c`, `expand_fdtable`),
    and so does all else in the process."""
    with contextlib.suppress(OSError), Path(os.devnull).open() as null:  # a lower limit
        os.close(fcntl.fcntl(null, fcntl.F_DUPFD_CLOEXEC, files - 1))
