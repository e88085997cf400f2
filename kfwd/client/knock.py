"""What a local port speaks, found out as a browser would: by asking for a page."""

from __future__ import annotations

import socket

ANSWER_S = 2.0
"""For each of connecting and an answer: it may come from another continent."""

_ASKED = b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_WANTS_TLS = (b"\x15\x03", b"HTTPS server")
"""A TLS alert, and what Go's servers say."""


def scheme(authority: str) -> str:
    """`http`, `https`, or `tcp` for what answers nothing, or something else."""
    host, _, port = authority.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), ANSWER_S) as sock:
            sock.sendall(_ASKED)
            said = sock.recv(256)
    except OSError:
        return "tcp"
    if said.startswith(_WANTS_TLS[0]) or _WANTS_TLS[1] in said:
        return "https"
    return "http" if said.startswith(b"HTTP/") else "tcp"
