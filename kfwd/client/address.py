"""Where entries are on this machine, as people and browsers write it. Pure."""

from __future__ import annotations

from kfwd.errors import KfwdError
from kfwd.model import EntryView, PortView

TLS_PORTS = ("443", "8443")
LOOPBACK = ("127.0.0.1", "[::1]")


def local_url(entry: EntryView) -> str:
    """Where an entry is on this machine. Raises `KfwdError` for one that listens on no TCP port."""
    for port in entry.ports:
        if (found := authority(port)) is not None:
            return url(found, port.remote or "")
    raise KfwdError(f"{entry.id} listens on no TCP port", code="no-url")


def authority(port: PortView) -> str | None:
    """`localhost:8080`; None where only a unix socket listens, or nothing yet."""
    for address in port.listen:
        if not address.startswith("unix:"):
            host, _, number = address.rpartition(":")
            return f"{'localhost' if host in LOOPBACK else host}:{number}"
    return None


def local_address(entry: EntryView) -> str:
    """The first address that an entry listens on. Raises `KfwdError` where it listens on none."""
    for port in entry.ports:
        if port.listen:
            return authority(port) or port.listen[0].removeprefix("unix:")
    raise KfwdError(f"{entry.id} listens nowhere now", code="no-url")


def url(authority: str, port: str) -> str:
    """`authority` as a URL; `port` (a number or a name) says whether it is TLS."""
    secure = port in TLS_PORTS or port.startswith("https")
    host, _, number = authority.rpartition(":")
    plain = host if number == ("443" if secure else "80") else authority
    return f"{'https' if secure else 'http'}://{plain}/"
