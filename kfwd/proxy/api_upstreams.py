"""Connections to the API server, with our credentials, kept for the next request.

While the server cannot be reached or a login is needed a request waits, as a connection of a
forward does (design section 4, rule 1).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from ssl import SSLContext
from typing import Protocol

from kfwd.backoff import Backoff
from kfwd.errors import ConfigError, KfwdError, LoginNeeded, Unreachable
from kfwd.kube import dial
from kfwd.kube.cluster import Cluster
from kfwd.kube.connect import Server
from kfwd.kube.credentials import Credential
from kfwd.kube.pipe import Nobody, Pipe
from kfwd.kube.tls_pipe import open_pipe
from kfwd.proxy.upstream import Client
from kfwd.wire import http1
from kfwd.wire.http1 import Lines

IDLE_S = 30.0
"""How long a connection is kept: less than servers and balancers keep theirs."""

IDLE_MAX = 32
HANDSHAKE_S = 10.0
RETRY_CAP_S = 2.0


AWAY = (Unreachable, LoginNeeded, ConfigError)
"""Why there is no connection now and may be one soon."""


class Context(Protocol):
    """A context that may fail and come back (`kfwd.entries.entry.Context`)."""

    @property
    def current(self) -> Cluster | None: ...

    async def cluster(self) -> Cluster: ...

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]: ...


class ApiUpstreams:
    """Connections to one context's API server. `close()` ends those that are kept.

    `hold_s`: how long a request waits for the server. `append_path`: put the path of the
    kubeconfig's server address before each request's. `keepalive_s`: how often TCP asks a silent
    server whether it is there; 0 is the default.
    """

    def __init__(
        self, context: Context, *, hold_s: float, append_path: bool, keepalive_s: float = 0.0
    ) -> None:
        self.append_path = append_path
        self._loop = asyncio.get_running_loop()
        self._keepalive_s = keepalive_s
        self._context = context
        self._hold_s = hold_s
        self._idle: deque[ApiUpstream] = deque()
        self._tidy: asyncio.TimerHandle | None = None
        self._closed = False

    async def connect(self, client: Client, *, fresh: bool) -> ApiUpstream:
        """Raises `Unreachable`, `LoginNeeded` or `ConfigError` when the hold is over."""
        deadline = self._loop.time() + self._hold_s
        try:
            return await self._connect(fresh, deadline)
        except AWAY:
            if not self._hold_s:
                raise
        return await self._wait_for(fresh, deadline)

    async def _wait_for(self, fresh: bool, deadline: float) -> ApiUpstream:
        """Try again whenever something changed, and every now and then."""
        loop = self._loop
        backoff = Backoff(cap=RETRY_CAP_S)
        changed = asyncio.Event()
        forget = self._context.on_change(changed.set)
        try:
            while True:
                pause = backoff.failed(loop.time())
                await _wait(changed, max(0.0, min(deadline - loop.time(), pause)))
                changed.clear()
                try:
                    return await self._connect(fresh, deadline)
                except AWAY:
                    if loop.time() >= deadline:
                        raise
        finally:
            forget()

    async def close(self) -> None:
        self._closed = True
        if self._tidy is not None:
            self._tidy.cancel()
        while self._idle:
            self._idle.pop().abort()

    async def _connect(self, fresh: bool, deadline: float) -> ApiUpstream:
        cluster = self._context.current or await self._cluster(deadline)
        try:
            credential = await cluster.credentials.get()
            server = cluster.server
            tls = await server.ssl_context(credential) if server.tls else None
            if not fresh and (kept := self._kept(server, tls)) is not None:
                kept.credential = credential
                return kept
            pipe = await server.way.attempt(lambda: _open(server, tls, self._keepalive_s))
        except KfwdError as error:
            cluster.report(error)
            raise
        cluster.report(None)
        return ApiUpstream(pipe, self, cluster, credential, tls)

    async def _cluster(self, deadline: float) -> Cluster:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._context.cluster()
        except TimeoutError:
            raise Unreachable("the kubeconfig of this context cannot be read") from None

    def _kept(self, server: Server, tls: SSLContext | None) -> ApiUpstream | None:
        """The connection that was used last; those of another server or login are ended."""
        while self._idle:
            kept = self._idle.pop()
            if kept.fits(server, tls):
                return kept
            kept.abort()
        return None

    def keep(self, upstream: ApiUpstream) -> None:
        """Keep a connection whose exchange is complete."""
        if self._closed:
            upstream.abort()
            return
        upstream.used_at = self._loop.time()
        self._idle.append(upstream)
        if len(self._idle) > IDLE_MAX:
            self._idle.popleft().abort()
        if self._tidy is None:
            self._tidy = self._loop.call_later(IDLE_S, self._end_old)

    def forget(self, upstream: ApiUpstream) -> None:
        """A kept connection has ended."""
        if upstream in self._idle:
            self._idle.remove(upstream)

    def _end_old(self) -> None:
        self._tidy = None
        while self._idle and self._loop.time() - self._idle[0].used_at >= IDLE_S:
            self._idle.popleft().abort()
        if self._idle:
            self._tidy = self._loop.call_at(self._idle[0].used_at + IDLE_S, self._end_old)


class ApiUpstream:
    """One connection to the API server."""

    where: str | None = None
    prompt = True

    def __init__(
        self,
        pipe: Pipe,
        owner: ApiUpstreams,
        cluster: Cluster,
        credential: Credential,
        tls: SSLContext | None,
    ) -> None:
        self.credential = credential
        self.reused = False
        self.used_at = 0.0
        self.attach, self.write, self.finish = pipe.attach, pipe.write, pipe.close
        self.pause_reading, self.resume_reading = pipe.pause_reading, pipe.resume_reading
        self._pipe = pipe
        self._owner = owner
        self._cluster = cluster
        self._server = cluster.server
        self._tls = tls
        self._own_login = True
        self._asked: tuple[str, str, Lines, Credential] | None = None
        self._head = b""
        self._kept = _Kept(self, owner)

    def fits(self, server: Server, tls: SSLContext | None) -> bool:
        """Whether this leads, still, to `server`, with the certificates of `tls`."""
        return self._server is server and self._tls is tls and self._pipe.open

    def head(self, method: str, target: str, lines: Lines) -> bytes:
        """One that is like the last one is not made again: pages and watchers repeat themselves."""
        asked = (method, target, lines, self.credential)
        if asked != self._asked:
            path = self._server.path_prefix + target if self._owner.append_path else target
            self._head = http1.encode_request(method, path, self._own(lines))
            self._asked = asked
        return self._head

    def _own(self, lines: Lines) -> Lines:
        """Add Host and credentials. As for client-go, a caller's own `Authorization` is kept in the
        place of ours, and its `Impersonate-User` in the place of all of ours."""
        given = {name.lower() for name, _ in lines}
        self._own_login = "authorization" not in given
        own = [("Host", self._server.host_header)]
        for name, value in self.credential.headers.items():
            key = name.lower()
            theirs = "impersonate-user" if key.startswith("impersonate-") else key
            if theirs not in given:
                own.append((name, value))
        return (*own, *http1.without(lines, {"host"}))

    def again(self, status: int) -> bool:
        """Whether the server refused our credential, for which there may be a newer one."""
        if status != 401 or not self._own_login:
            return False
        self._cluster.credentials.rejected(self.credential)
        return True

    def release(self, *, persistent: bool) -> None:
        if not persistent:
            self.abort()
            return
        self.reused = True
        self.attach(self._kept)
        self.resume_reading()
        self._owner.keep(self)

    def abort(self) -> None:
        self.attach(Nobody())
        self._pipe.abort()


class _Kept(Nobody):
    """Watches a connection at rest: whatever comes, it can serve nobody any more."""

    def __init__(self, upstream: ApiUpstream, owner: ApiUpstreams) -> None:
        self._upstream = upstream
        self._owner = owner

    def data_received(self, data: memoryview) -> None:
        self._owner.forget(self._upstream)
        self._upstream.abort()

    def pipe_lost(self, error: Exception | None) -> None:
        self._owner.forget(self._upstream)


async def _open(server: Server, tls: SSLContext | None, keepalive_s: float) -> Pipe:
    """Raises `Unreachable`."""
    sock = await server.open_socket()
    if keepalive_s:
        dial.keep_alive(sock, keepalive_s)
    try:
        async with asyncio.timeout(HANDSHAKE_S):
            return await open_pipe(sock, tls, server.server_hostname)
    except TimeoutError:
        raise Unreachable(
            f"{server.authority} did not finish a TLS handshake within {HANDSHAKE_S:g} s",
            code="connect-timeout",
        ) from None
    except OSError as error:
        raise server.handshake_error(error) from error


async def _wait(changed: asyncio.Event, seconds: float) -> None:
    """Wait for a change, or for a while."""
    try:
        async with asyncio.timeout(seconds):
            await changed.wait()
    except TimeoutError:
        return
