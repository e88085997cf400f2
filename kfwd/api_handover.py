"""Bodies of the control API about a daemon that replaces another, and what they have in common."""

from __future__ import annotations

from msgspec import Struct

HANDOVER_PROTOCOL = 1
"""What a daemon and the one that replaces it speak. Where they differ: stop, then start."""

HANDOVER_FAILED = "handover-failed"
HANDOVER_UNSUPPORTED = "handover-unsupported"


class HandoverRequest(Struct, frozen=True, kw_only=True):
    """How to start the new process: its command line, to which the channel is added, and what it
    should know of the caller's environment.
    """

    protocol: int
    command: tuple[str, ...]
    environment: dict[str, str]


class Successor(Struct, frozen=True, kw_only=True):
    """The process that is the daemon now."""

    pid: int
