"""Bound local sockets. They live as long as their entry, whatever happens behind them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import os
import socket
from collections.abc import Callable, MutableMapping, Sequence
from pathlib import Path

from kfwd.errors import KfwdError
from kfwd.wire.authority import authority

log = logging.getLogger(__name__)

BACKLOG = 512
ACCEPT_BATCH = 64
FREE_PORT_TRIES = 20
REST_S = 0.5
"""How long to leave a listener alone when no descriptor is left for a connection."""

NO_FAMILY = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT}
LOOPBACK = ("127.0.0.1", "::1")


class PortInUse(KfwdError):
    """Somebody else listens there. `holder.port_holder(port)` tells who, but takes its time."""

    code = "port-in-use"

    def __init__(self, text: str, *, port: int = 0, hint: str | None = None) -> None:
        super().__init__(text, hint=hint)
        self.port = port


def bind_all(
    addresses: Sequence[str], port: int, inherited: MutableMapping[str, socket.socket] | None = None
) -> list[socket.socket]:
    """Bind one socket for each address, all on `port`, or all on the same free port for 0.

    `localhost` stands for both loopback families, of which one may be missing; `unix:/path` for a
    unix socket. A socket of `inherited`, by where it listens (`shown`), is taken from there instead
    of being bound. Raises `PortInUse`, or `KfwdError` with code `port-privileged` or `bind-failed`;
    nothing stays bound then.
    """
    inherited = {} if inherited is None else inherited
    if port or all(address.startswith("unix:") for address in addresses):
        return _bind_each(addresses, port, inherited)
    for _ in range(FREE_PORT_TRIES):
        with contextlib.suppress(PortInUse):
            return _bind_each(addresses, 0, inherited)
    raise PortInUse("no port is free on all addresses", hint="name a local port")


def _bind_each(
    addresses: Sequence[str], port: int, inherited: MutableMapping[str, socket.socket]
) -> list[socket.socket]:
    bound: list[socket.socket] = []
    try:
        for host, optional in _hosts(addresses).items():
            sock = inherited.pop(_place(host, port), None) or _bind(host, port, optional=optional)
            if sock is not None:
                bound.append(sock)
                port = port or _port(sock)
    except BaseException:
        for sock in bound:
            sock.close()
        raise
    return bound


def _hosts(addresses: Sequence[str]) -> dict[str, bool]:
    """What to bind, each once, and whether it may be missing."""
    found: dict[str, bool] = {}
    for address in addresses:
        for host in LOOPBACK if address == "localhost" else (address,):
            optional = address == "localhost" and host == LOOPBACK[1]
            found[host] = optional and found.get(host, True)
    return found


def _place(host: str, port: int) -> str:
    """How `shown` writes a socket that is bound there."""
    if host.startswith("unix:"):
        return host
    with contextlib.suppress(ValueError):
        host = str(ipaddress.ip_address(host))
    return authority(host, port)


def _port(sock: socket.socket) -> int:
    return 0 if sock.family == socket.AF_UNIX else int(sock.getsockname()[1])


def _bind(host: str, port: int, *, optional: bool) -> socket.socket | None:
    if host.startswith("unix:"):
        return _bind_unix(Path(host.removeprefix("unix:")))
    family = socket.AF_INET6 if _is_v6(host) else socket.AF_INET
    try:
        return _listen(family, (host, port))
    except OSError as error:
        if optional and error.errno in NO_FAMILY:
            return None
        raise explain(error, host, port) from error


def _listen(family: socket.AddressFamily, address: tuple[str, int]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _bind_unix(path: Path) -> socket.socket:
    """Bind a unix socket for its owner only, in the place of one that nobody listens on."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if path.is_socket() and not _answers(path):
            path.unlink()
        before = os.umask(0o177)
        try:
            sock.bind(str(path))
        finally:
            os.umask(before)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise explain(error, f"unix:{path}", 0) from error
    return sock


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0


def _is_v6(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).version == 6
    return False


def explain(error: OSError, host: str, port: int) -> KfwdError:
    """A failed bind in words, and what to do."""
    place = host if host.startswith("unix:") else f"port {port} on {host}"
    if error.errno == errno.EADDRINUSE:
        hint = "stop who has it, or choose another local port"
        return PortInUse(f"{place} is in use", port=port, hint=hint)
    if error.errno in (errno.EACCES, errno.EPERM) and 0 < port < 1024:
        return KfwdError(
            f"{place} is for privileged users only",
            hint="choose a local port from 1024 up",
            code="port-privileged",
        )
    return KfwdError(f"{place} cannot be bound: {error.strerror or error}", code="bind-failed")


def shown(sock: socket.socket) -> str:
    """Where a bound socket listens: `127.0.0.1:8080`, `[::1]:8080` or `unix:/path`."""
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return f"unix:{name}"
    return authority(name[0], name[1])


class Listener:
    """Accepts on bound sockets, in batches, and hands each connection to `accepted`."""

    def __init__(
        self, sockets: Sequence[socket.socket], accepted: Callable[[socket.socket], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._sockets = list(sockets)
        self._accepted = accepted
        self._resting: asyncio.TimerHandle | None = None
        self._ours = True
        self.addresses = tuple(shown(sock) for sock in sockets)
        self._watch()

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        return tuple(self._sockets)

    def close(self) -> None:
        """Stop listening, also where a service manager has copies. A unix socket's path goes too.

        While it is paused another process listens, and goes on.
        """
        for sock in self._sockets if self._ours else ():
            with contextlib.suppress(OSError):
                if sock.family == socket.AF_UNIX:
                    Path(sock.getsockname()).unlink()
            with contextlib.suppress(OSError):  # not on macOS
                sock.shutdown(socket.SHUT_RDWR)
        self.leave()

    def leave(self) -> None:
        """Close the sockets of this process: another one listens on them."""
        self._unwatch()
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()

    def pause(self) -> None:
        """Accept nothing: who connects waits with the kernel, for another process or `resume`."""
        self._ours = False
        self._unwatch()

    def resume(self) -> None:
        """Accept again."""
        self._ours = True
        if self._resting is None:
            self._watch()

    def _unwatch(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        for sock in self._sockets:
            self._loop.remove_reader(sock)

    def _watch(self) -> None:
        self._resting = None
        for sock in self._sockets:
            self._loop.add_reader(sock, self._readable, sock)

    def _readable(self, listening: socket.socket) -> None:
        for _ in range(ACCEPT_BATCH):
            try:
                sock, _ = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._rest(error)
                return
            sock.setblocking(False)
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._accepted(sock)

    def _rest(self, error: OSError) -> None:
        """Out of descriptors or memory: a listener that is always readable would spin."""
        log.error("cannot accept on %s: %s", ", ".join(self.addresses), error)
        self._unwatch()
        self._resting = self._loop.call_later(REST_S, self._watch)
