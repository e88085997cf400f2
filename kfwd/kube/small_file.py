"""Read the files that a kubeconfig names, which anybody may have written: small ones, and at once.

A pipe or a terminal would keep the daemon waiting for as long as nobody writes, and a device such
as `/dev/zero` never ends.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MAX_SIZE = 16 * 1024 * 1024
"""Bytes; a kubeconfig with thousands of clusters has a few of them."""


def read(path: Path) -> bytes:
    """The content of a regular file of at most `MAX_SIZE` bytes; links are followed.

    Raises `OSError`, whose `strerror` says what is wrong.
    """
    try:
        with open(path, "rb", opener=_open) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "not a regular file")
            data = file.read(MAX_SIZE + 1)
    except ValueError:
        raise OSError(errno.EINVAL, "a path with a NUL in it") from None
    if len(data) > MAX_SIZE:
        raise OSError(errno.EFBIG, f"larger than {MAX_SIZE // 1024 // 1024} MiB")
    return data


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
