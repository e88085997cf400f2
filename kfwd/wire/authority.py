"""`HOST:PORT`, as URLs and Host headers have it (RFC 3986 section 3.2)."""

from __future__ import annotations


def authority(host: str, port: int) -> str:
    """`web:80`, `127.0.0.1:80` or `[::1]:80`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
