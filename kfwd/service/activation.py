"""Descriptors that a service manager passes to the process it starts (sd_listen_fds(3))."""

from __future__ import annotations

import os
from collections.abc import Mapping

FIRST = 3


def passed(env: Mapping[str, str], pid: int) -> list[tuple[str, int]]:
    """Each descriptor with the name that the manager has for it; none if they are not for `pid`.

    They are not inherited by children any more.
    """
    if env.get("LISTEN_PID") != str(pid) or not env.get("LISTEN_FDS", "").isdecimal():
        return []
    count = int(env["LISTEN_FDS"])
    names = env.get("LISTEN_FDNAMES", "").split(":") if env.get("LISTEN_FDNAMES") else []
    names += ["unknown"] * (count - len(names))
    found = list(zip(names, range(FIRST, FIRST + count), strict=False))
    for _, number in found:
        os.set_inheritable(number, False)
    return found
