"""Who may call: programs of the daemon's own user, and no web page through any of them."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping

from kfwd.api_model import HOST

ROOT = 0
HOSTS = frozenset({HOST, "localhost"})
_UCRED = struct.Struct("3i")  # struct ucred: pid, uid, gid (unix(7))
_XUCRED = struct.Struct("=IIh2x16I")  # struct xucred: version, uid, ngroups, groups (sys/ucred.h)
_LOCAL_PEERCRED = 1


def refusal(headers: Mapping[str, str], peer: int, own: int) -> str | None:
    """Why a request is refused, or None. `peer` and `own` are user ids.

    A browser names the page it acts for in `Origin` or `Referer`, and the name it looked up in
    `Host`: with either of them a page could reach a socket that a local proxy exposes.
    """
    if peer not in (own, ROOT):
        return f"user {peer} may not control the daemon of user {own}"
    if "Origin" in headers or "Referer" in headers:
        return "requests from web pages are refused"
    if headers.get("Host", "") not in HOSTS:
        return f"Host must be one of {', '.join(sorted(HOSTS))}"
    return None


def peer_uid(connection: socket.socket) -> int:
    """The user id of the process at the other end of a unix socket."""
    if hasattr(socket, "SO_PEERCRED"):
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        return int(_UCRED.unpack(raw)[1])
    raw = connection.getsockopt(0, _LOCAL_PEERCRED, _XUCRED.size)
    return int(_XUCRED.unpack(raw)[1])
