"""Local ports for tests that must know a port before it is bound.

They lie below the range that the system gives to clients and to listeners without a wish (32768 and
up on Linux), and every process begins elsewhere: a port that the system has just given to this
process is the next one it gives to another.
"""

from __future__ import annotations

import itertools
import os
import socket

FIRST, COUNT = 10_000, 22_000
_numbers = itertools.count(os.getpid() * 131)


def free_port(host: str = "127.0.0.1") -> int:
    """A port of `host` that nobody listens on, not given out by this process before."""
    while True:
        port = FIRST + next(_numbers) % COUNT
        try:
            socket.create_server((host, port)).close()
        except OSError:
            continue
        return port
