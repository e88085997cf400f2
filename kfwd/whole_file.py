"""Files that are replaced whole: a reader, and a crash, find the old content or the new one."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

EXCLUSIVE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def replace(path: Path, data: bytes, mode: int) -> None:
    """Write beside, fsync and rename. Raises `OSError`, and then leaves nothing beside."""
    beside = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    descriptor = os.open(beside, EXCLUSIVE, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        beside.rename(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def edit(path: Path, data: bytes) -> None:
    """Replace a person's own file: its mode stays, and so does a link that leads to it.

    A new one is its owner's alone, as is a folder made for it. Raises `OSError`.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
    replace(target, data, mode)
