"""What the text on an error stream means for its connection.

The texts are the own words of the container runtime (protocol notes C.4): containerd, CRI-O, or
cri-dockerd, which runs socat. Nothing else tells a port that refused from a pod that is gone. Only
a failed *dial* proves that no process took the connection, so the patterns name the dial; anything
not recognised proves nothing.
"""

from __future__ import annotations

import re
from enum import Enum


class Failure(Enum):
    """Why a connection ended with a text."""

    REFUSED = "refused"  # the pod is there, nothing took the connection
    GONE = "gone"  # the pod's sandbox or network namespace is no more
    OTHER = "other"  # a process may have taken it


_GONE = re.compile(
    r"network namespace for sandbox \S+ is closed"
    r"|failed to find sandbox \S+ in store"
    r"|(could not|failed to) find sandbox"
    r"|PodSandbox with ID starting with \S+ not found"
    r"|sandbox \S+ is not running"
    r"|network namespace path of sandbox \S+ is empty"
    r'|in(to)? network namespace "[^"]*": (get netns fd: )?'
    r"(failed to (open netns|Statfs)|unknown FS magic)"
    r"|uid : (container not running \(\w+\)|.*No such container: )"
)
_REFUSED = re.compile(
    r"dial (tcp[46]?) \S+: (connect: )?(connection refused|no route to host|connection timed out"
    r"|i/o timeout|cannot assign requested address|network is unreachable)"
    r"|socat\[\d+\] E connect\([^)]*\): (Connection refused|No route to host|Connection timed out"
    r"|Network is unreachable)"
)


def classify(text: str) -> Failure:
    """What a complete error text means."""
    if _GONE.search(text):
        return Failure.GONE
    return Failure.REFUSED if _REFUSED.search(text) else Failure.OTHER
