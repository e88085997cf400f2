"""A connected TCP socket to a host, straight or through a proxy, within a deadline.

Names go to the system's resolver, since VPNs and split DNS hook in there. The addresses found are
tried one after another, each with its share of the time that is left; the one that last worked
comes first, so that an address family that leads nowhere costs time only once.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import ipaddress
import os
import resource
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from msgspec import Struct

from kfwd.errors import ProtocolError, Unreachable
from kfwd.kube import tls, tls_socket
from kfwd.kube.proxies import Proxy
from kfwd.tasks import Threads
from kfwd.wire import http_connect, socks
from kfwd.wire.authority import authority

DIAL_S = 10.0
TRY_S = 3.0
"""The most that one of several addresses is given."""

CHECK_THE_WAY = "check the network, the VPN and the server address in the kubeconfig"
_NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})

USER_TIMEOUT_MS = 10_000
KEEPALIVE_IDLE_S, KEEPALIVE_EVERY_S, KEEPALIVE_PROBES = 9, 3, 3
"""A connection that only waits on a dead path ends after 12 s: a probe fails, and 10 s are over."""

LOOKUPS = Threads("name lookups", most=64, waiting=512)
"""Of the whole process. The system's resolver may hang for half a minute a name."""

Address = tuple[socket.AddressFamily, tuple[Any, ...]]


class Route(Struct, frozen=True):
    """Where to, and through what."""

    host: str
    port: int
    proxy: Proxy | None = None

    def __str__(self) -> str:
        return authority(self.host, self.port)


class Handshake(Protocol):
    """What a proxy is told before it passes bytes on; pure (see `kfwd.wire`)."""

    done: bool

    def start(self) -> bytes: ...

    def receive(self, data: bytes) -> bytes: ...


class Resolver:
    """Where hosts are, asked of the system once for all who want to know at the same time.

    A lookup that hangs keeps one thread of `LOOKUPS`, however often it is asked for again; one
    more, where the network has changed since.
    """

    def __init__(self) -> None:
        self._pending: dict[tuple[str, int], asyncio.Future[list[Any]]] = {}
        self._outdated: dict[tuple[str, int], asyncio.Future[list[Any]]] = {}
        self._good: dict[str, Address] = {}

    async def addresses(self, host: str, port: int) -> list[Address]:
        """The addresses of `host`. Raises `Unreachable` `dns-failed`."""
        with contextlib.suppress(ValueError):
            literal = ipaddress.ip_address(host)
            family = socket.AF_INET if literal.version == 4 else socket.AF_INET6
            if "%" not in host:
                return [(family, (host, port))]  # needs no resolver and no thread
        try:
            found = await asyncio.shield(self._lookup(host, port))
        except socket.gaierror as error:
            raise _no_name(host, str(error.strerror)) from error
        except UnicodeError as error:
            raise _no_name(host, "not a host name") from error
        except OverflowError as error:
            raise _no_name(host, str(error)) from error
        addresses = [(family, place) for family, _, _, _, place in found]
        return sorted(addresses, key=lambda address: address != self._good.get(host))

    def awaited(self, host: str, port: int) -> bool:
        """Whether the system has not said yet where `host` is."""
        return (host, port) in self._pending

    def worked(self, host: str, address: Address) -> None:
        """Note that a connection to `address` came about."""
        self._good[host] = address

    def forget(self) -> None:
        """The network changed: nobody may wait for an answer that was asked for before."""
        for key in self._pending.keys() - self._outdated.keys():
            self._outdated[key] = self._pending.pop(key)

    def _lookup(self, host: str, port: int) -> asyncio.Future[list[Any]]:
        key = (host, port)
        if key not in self._pending:
            ask = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
            self._pending[key] = LOOKUPS.run(ask)
            self._pending[key].add_done_callback(lambda done: self._looked_up(key, done))
        return self._pending[key]

    def _looked_up(self, key: tuple[str, int], done: asyncio.Future[list[Any]]) -> None:
        for lookups in (self._pending, self._outdated):
            if lookups.get(key) is done:
                del lookups[key]
        if not done.cancelled():
            done.exception()  # seen, even when everybody who waited has gone


def _no_name(host: str, why: str) -> Unreachable:
    return Unreachable(
        f'the host name "{host}" cannot be resolved: {why}', code="dns-failed", hint=CHECK_THE_WAY
    )


async def open_socket(
    route: Route,
    resolver: Resolver | None = None,
    *,
    timeout: float = DIAL_S,
    trust: Callable[[], ssl.SSLContext] = tls.proxy_context,
) -> socket.socket:
    """A non-blocking socket whose bytes reach `route`; the caller owns it.

    `trust` makes, in a thread, the context for a proxy that wants TLS.
    Raises `Unreachable`: `dns-failed`, `connect-failed`, `connect-timeout`, or `proxy-failed` for
    whatever goes wrong at or before a proxy.
    """
    resolver = resolver or Resolver()
    try:
        async with asyncio.timeout(timeout):
            if route.proxy is None:
                return await _connect(route.host, route.port, resolver, timeout)
            return await _connect_through(route, route.proxy, resolver, timeout, trust)
    except TimeoutError:
        raise _silence(route, resolver, timeout) from None


def _silence(route: Route, resolver: Resolver, timeout: float) -> Unreachable:
    first = route.proxy or route
    if resolver.awaited(first.host, first.port):
        error = _no_name(first.host, f"no answer within {timeout:g} s")
        return _no_proxy(route, route.proxy, error) if route.proxy else error
    via = f" through the proxy {route.proxy}" if route.proxy else ""
    return Unreachable(
        f"{route} did not accept a connection{via} within {timeout:g} s",
        code="proxy-failed" if route.proxy else "connect-timeout",
    )


async def _connect_through(
    route: Route,
    proxy: Proxy,
    resolver: Resolver,
    timeout: float,
    trust: Callable[[], ssl.SSLContext],
) -> socket.socket:
    try:
        sock = await _connect(proxy.host, proxy.port, resolver, timeout)
    except Unreachable as error:
        raise _no_proxy(route, proxy, error) from error
    if proxy.scheme == "https":
        sock = await _secured(sock, route, proxy, trust)
    with _closed_on_error(sock):
        try:
            await _negotiate(sock, _handshake(route, proxy))
        except (ProtocolError, OSError) as error:
            why = error.text if isinstance(error, ProtocolError) else reason(error)
            raise Unreachable(
                f"the proxy {proxy} did not open a way to {route}: {why}", code="proxy-failed"
            ) from error
    return sock


def _no_proxy(route: Route, proxy: Proxy, error: Unreachable) -> Unreachable:
    return Unreachable(
        f"the proxy {proxy} on the way to {route} does not answer: {error.text}",
        code="proxy-failed",
    )


async def _secured(
    sock: socket.socket, route: Route, proxy: Proxy, trust: Callable[[], ssl.SSLContext]
) -> socket.socket:
    """The way into a proxy that wants TLS."""
    with _closed_on_error(sock):
        context = await asyncio.to_thread(trust)
    try:
        return await tls_socket.secured(sock, context, proxy.host)
    except OSError as error:
        where = authority(proxy.host, proxy.port)
        raise Unreachable(
            f"the proxy {proxy} on the way to {route} cannot be used:"
            f" {tls.explain(error, where, proxy.host).text}",
            code="proxy-failed",
            hint="a proxy's certificate is checked with the system's authorities and those of"
            " the cluster",
        ) from error


def _handshake(route: Route, proxy: Proxy) -> Handshake:
    if proxy.scheme in ("http", "https"):
        return http_connect.ClientHandshake(route.host, route.port, proxy.login)
    return socks.ClientHandshake(route.host, route.port, proxy.login)


async def _negotiate(sock: socket.socket, handshake: Handshake) -> None:
    loop = asyncio.get_running_loop()
    out = handshake.start()
    while not handshake.done:
        if out:
            await loop.sock_sendall(sock, out)
        data = await loop.sock_recv(sock, 4096)
        if not data:
            raise ProtocolError("it closed the connection")
        out = handshake.receive(data)


async def _connect(host: str, port: int, resolver: Resolver, timeout: float) -> socket.socket:
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    addresses = await resolver.addresses(host, port)
    refusals: list[str] = []
    silent = True
    for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
        share = (end - loop.time()) / left
        share = min(share, TRY_S) if left > 1 else share
        try:
            async with asyncio.timeout(share):
                sock = await _connect_to(address)
            resolver.worked(host, address)
            return sock
        except TimeoutError:
            refusals.append(f"no answer within {share:.1f} s")
        except OSError as error:
            if error.errno in _NO_DESCRIPTORS:
                raise out_of_descriptors() from error
            silent = False
            refusals.append(reason(error))
    raise _unreachable(authority(host, port), refusals, silent=silent)


def _unreachable(where: str, refusals: Iterable[str], *, silent: bool) -> Unreachable:
    reasons = ", ".join(dict.fromkeys(refusals))
    return Unreachable(
        f"{where} cannot be reached: {reasons}",
        code="connect-timeout" if silent else "connect-failed",
        hint=CHECK_THE_WAY,
    )


def out_of_descriptors() -> Unreachable:
    """This process may open no more files."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return Unreachable(
        f"the daemon may open no more than {most} files, and has: nothing new can be connected",
        code="too-many-files",
        hint="raise the limit (ulimit -n, or LimitNOFILE of the service), then kfwd daemon restart",
    )


async def _connect_to(address: Address) -> socket.socket:
    family, place = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    with _closed_on_error(sock):
        sock.setblocking(False)
        _set_options(sock)
        await asyncio.get_running_loop().sock_connect(sock, place)
    return sock


def _set_options(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", KEEPALIVE_IDLE_S),
        ("TCP_KEEPINTVL", KEEPALIVE_EVERY_S),
        ("TCP_KEEPCNT", KEEPALIVE_PROBES),
        ("TCP_USER_TIMEOUT", USER_TIMEOUT_MS),
    ):
        if (option := getattr(socket, name, None)) is not None:  # not on every platform
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def keep_alive(sock: socket.socket, every_s: float) -> None:
    """Have TCP ask a silent peer every so many seconds; below zero never."""
    if sock.family == socket.AF_UNIX:
        return  # within TLS to a proxy, which is asked as every connection of ours
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(every_s > 0))
    for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
        if every_s > 0 and (option := getattr(socket, name, None)) is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, max(1, round(every_s)))


@contextlib.contextmanager
def _closed_on_error(sock: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        sock.close()
        raise


def reason(error: OSError) -> str:
    """The system's words, without the addresses that asyncio adds."""
    return os.strerror(error.errno).lower() if error.errno else str(error)
