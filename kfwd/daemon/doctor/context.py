"""The hops to an API server: kubeconfig, DNS, TCP, proxy, TLS, login, API.

Nothing is contacted but the server and the proxy that kubeconfig and environment name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress

from msgspec.structs import replace

from kfwd.daemon.doctor.plugin import misplaced
from kfwd.daemon.doctor.walk import STEP_S, Told, Walk, broken, skipped
from kfwd.daemon.shared_context import SharedContext
from kfwd.errors import ConfigError, Forbidden, KfwdError, LoginNeeded, Unreachable
from kfwd.kube import dial, kubeconfig, tls
from kfwd.kube.cluster import Cluster
from kfwd.model import utcnow
from kfwd.text import age

LOGIN_S = 20.0
"""For a login plugin, which may ask a server of its own."""


class ContextWalk:
    """`env` is what login plugins run in, `path` the PATH of who asks."""

    def __init__(
        self, context: SharedContext, walk: Walk, env: Mapping[str, str], path: str | None
    ) -> None:
        self._context = context
        self._walk = walk
        self._env = env
        self._path = path
        self._cluster: Cluster | None = None
        self._answer: KfwdError | Told | None = None

    async def run(self) -> Cluster | None:
        """Walk them all; the cluster, if nothing is broken on the way to it."""
        walk = self._walk
        await walk.take("kubeconfig", self._kubeconfig())
        await walk.take("dns", self._dns())
        await walk.take("tcp", self._tcp())
        await walk.take("proxy", self._proxy(), dial.DIAL_S + 1)
        await walk.take("tls", self._tls(), 2 * STEP_S)
        await walk.take("login", self._login(), LOGIN_S + STEP_S)
        await walk.take("api", self._api())
        return self._cluster if walk.broken is None else None

    @property
    def _known(self) -> Cluster:
        assert self._cluster is not None, "the kubeconfig is walked first"
        return self._cluster

    async def _kubeconfig(self) -> Told:
        await _settled(self._context)
        self._cluster = self._context.current
        try:
            context = await asyncio.to_thread(kubeconfig.find, self._context.ref)
        except ConfigError as error:
            return self._unreadable(error)
        if self._cluster is None:
            problem = self._context.problems[0]
            return Told(state="broken", text=problem.text, code=problem.code, hint=problem.hint)
        where, user = ", ".join(context.ref.kubeconfig), context.user.name
        return Told(text=f'{where}: user "{user}" at {context.cluster.server}')

    def _unreadable(self, error: ConfigError) -> Told:
        if self._cluster is None:
            return broken(error)
        text = f"{error.text}; what it said before is used"
        return Told(state="warning", text=text, code=error.code, hint=error.hint)

    @property
    def _place(self) -> tuple[str, int, str]:
        """Whom a connection is made to: the server, or the proxy before it."""
        server = self._known.server
        if server.proxy is not None:
            return server.proxy.host, server.proxy.port, f"the proxy {server.proxy}"
        return server.host, server.port, server.authority

    async def _dns(self) -> Told:
        host, port, _ = self._place
        with suppress(ValueError):
            return skipped(f"{ipaddress.ip_address(host)} is an address")
        found = await dial.Resolver().addresses(host, port)
        first, more = found[0][1][0], len({place[0] for _, place in found}) - 1
        return Told(text=f"{host} is {first}" + (f" and {more} more" if more else ""))

    async def _tcp(self) -> Told:
        host, port, name = self._place
        started = asyncio.get_running_loop().time()
        with await dial.open_socket(dial.Route(host, port), timeout=STEP_S):
            return Told(text=f"{name} accepts connections", latency_ms=_since(started))

    async def _proxy(self) -> Told:
        server = self._known.server
        if server.proxy is None:
            return skipped("none is configured")
        with await server.open_socket():
            return Told(text=f"{server.proxy} opens a way to {server.authority}")

    async def _tls(self) -> Told:
        """As the next connection will do it: a client certificate is shown where one is known."""
        server, cluster = self._known.server, self._known.context.cluster
        if not server.tls:
            return skipped("the server's address is http")
        had = self._known.credentials.current
        cert, key = (had.client_cert, had.client_key) if had else (None, None)
        context = await asyncio.to_thread(tls.client_context, cluster, cert, key)
        try:
            version = await _handshake(await server.open_socket(), context, server.server_hostname)
        except TimeoutError:
            raise Unreachable(
                f"{server.authority} accepts connections but does not answer in TLS",
                code="tls-failed",
                hint="is that the API server's address, and is it well?",
            ) from None
        except OSError as error:
            raise server.handshake_error(error) from error
        if cluster.insecure_skip_tls_verify:
            return Told(text=f"{version}; the kubeconfig has its certificate not checked")
        return Told(text=f"{version}, and its certificate is trusted")

    async def _login(self) -> Told:
        """A credential can be had, and the server takes it. What else it answers is for `_api`."""
        missing = misplaced(self._known.context, self._env, self._path)
        try:
            async with asyncio.timeout(LOGIN_S):
                await self._known.credentials.get()
        except TimeoutError:
            text = f"the login plugin is still running after {LOGIN_S:g} s"
            return Told(state="broken", text=text, code="exec-plugin-timeout")
        except (LoginNeeded, ConfigError) as error:
            return missing or broken(error)
        self._answer = await self._ask()
        if isinstance(self._answer, LoginNeeded):
            return broken(self._answer)
        if missing is not None:
            text = f"{missing.text}: when this login ends, there is no other"
            return replace(missing, state="warning", text=text)
        if isinstance(self._answer, KfwdError) and not isinstance(self._answer, Forbidden):
            return skipped("there is a credential, but the API server does not say whether it does")
        return self._accepted()

    async def _ask(self) -> KfwdError | Told:
        """What the API server says to a request that everybody may make."""
        started = asyncio.get_running_loop().time()
        try:
            version = await self._known.api.version(timeout=STEP_S)
        except KfwdError as error:
            return error
        return Told(text=f"Kubernetes {version}", latency_ms=_since(started))

    def _accepted(self) -> Told:
        expires = self._known.login_expires
        if expires is None:
            return Told(text="the API server accepts it")
        return Told(text=f"the API server accepts it; it ends in {age(utcnow(), expires)}")

    async def _api(self) -> Told:
        if isinstance(self._answer, Forbidden):
            return Told(text="it answers, though not to everything")
        if isinstance(self._answer, KfwdError):
            raise self._answer
        assert self._answer is not None, "the login is walked first"
        return self._answer


async def _settled(context: SharedContext) -> None:
    """Wait until the kubeconfig was read, or could not be."""
    changed = asyncio.Event()
    forget = context.on_change(changed.set)
    try:
        while context.current is None and not context.problems:
            changed.clear()
            await changed.wait()
    finally:
        forget()


async def _handshake(sock: socket.socket, context: ssl.SSLContext, name: str) -> str:
    """Do it and hang up; returns the version of TLS. Raises `OSError`, `TimeoutError`."""
    try:
        async with asyncio.timeout(STEP_S):
            _, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=name)
    except BaseException:
        with suppress(OSError):  # a transport owns the socket by now, and ends when that is cut
            sock.shutdown(socket.SHUT_RDWR)
        raise
    version: str = writer.get_extra_info("ssl_object").version()
    writer.transport.abort()
    return version


def _since(started: float) -> float:
    return (asyncio.get_running_loop().time() - started) * 1000
