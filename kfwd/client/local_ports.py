"""Free local ports for forwards, chosen before anything binds them, so that they can be shown."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Collection, Iterable

PRIVILEGED = 1024
AWAY = 8000
"""What is added to a privileged port: 80 is 8080 here, 443 is 8443."""
NEAR = 100
"""Ports above the wished one that are tried."""
_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_TAKEN = (errno.EADDRINUSE, errno.EACCES)


def is_free(port: int) -> bool:
    """Whether a listener could be bound to this port of localhost now."""
    return all(_bindable(family, host, port) for family, host in _LOOPBACK)


def choose(
    remotes: Iterable[int], taken: Collection[int], free: Callable[[int], bool] = is_free
) -> list[int]:
    """A local port for each remote one: the same number where that is free, else one near it.

    None is in `taken` and none twice. 0, which leaves the choice to the daemon, where all near it
    are taken or the remote port is not known (0).
    """
    chosen: list[int] = []
    for remote in remotes:
        used = {*taken, *chosen}
        near = range(_wished(remote), min(_wished(remote) + NEAR, 65536)) if remote else ()
        chosen.append(next((port for port in near if port not in used and free(port)), 0))
    return chosen


def _wished(remote: int) -> int:
    return remote if remote >= PRIVILEGED else remote + AWAY


def _bindable(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return error.errno not in _TAKEN  # a machine without that family binds the other alone
    return True
