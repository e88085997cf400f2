"""The one way to an API server: requests, watches and upgrades all start here."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

import aiohttp

from kfwd.errors import ConfigError
from kfwd.kube import dial, proxies, tls
from kfwd.kube.connector import SocketConnector, TlsTerms
from kfwd.kube.credentials import Credential, Credentials
from kfwd.kube.kubeconfig import Cluster, Context
from kfwd.kube.way import Way
from kfwd.wire.authority import authority


class Server:
    """The API server of one context: where it is, and sockets and TLS to get there.

    `authority` is HOST:PORT for people, `host_header` what a request says, `path_prefix` (`""` or
    `/x`) goes before every path, `server_hostname` is the name its certificate must carry. Raises
    `ConfigError` for an address or a proxy that cannot be used.
    """

    def __init__(self, context: Context, credentials: Credentials, env: Mapping[str, str]) -> None:
        self.context = context
        self.credentials = credentials
        cluster = context.cluster
        url = _url(cluster)
        self.tls = url.scheme == "https"
        self.host = url.hostname or ""
        usual = 443 if self.tls else 80
        self.port = url.port or usual
        self.authority = authority(self.host, self.port)
        # Some balancers know their hosts by the whole header, and clients leave the usual port out.
        self.host_header = self.authority.removesuffix(f":{usual}")
        self.path_prefix = url.path.rstrip("/")
        self.server_hostname = cluster.tls_server_name or self.host
        self.base_url = f"{url.scheme}://{self.authority}{self.path_prefix}"
        self.proxy = proxies.choose(cluster.proxy_url, url.scheme, self.host, self.port, env)
        self.way = Way()
        self._resolver = dial.Resolver()
        self._for_proxy: ssl.SSLContext | None = None
        self._building = asyncio.Lock()
        self._built: tuple[tuple[bytes | None, bytes | None], ssl.SSLContext] | None = None

    def way_changed(self) -> None:
        """Look names up anew; connections at rest are not used again: their context is another."""
        self._built = None
        self._resolver.forget()
        self.way.changed()

    async def open_socket(self) -> socket.socket:
        """A non-blocking TCP socket to the API server, through a proxy where there is one.

        The caller owns it. Raises `Unreachable` as `dial.open_socket` does, within 10 s.
        """
        route = dial.Route(self.host, self.port, self.proxy)
        return await dial.open_socket(route, self._resolver, trust=self._proxy_trust)

    def _proxy_trust(self) -> ssl.SSLContext:
        if self._for_proxy is None:
            self._for_proxy = tls.proxy_context(self.context.cluster)
        return self._for_proxy

    async def ssl_context(self, credential: Credential) -> ssl.SSLContext:
        """The TLS context for `credential`; the same one as long as its certificate and the way.

        Those who keep connections key them by it.
        """
        wanted = (credential.client_cert, credential.client_key)
        if (built := self._built) is not None and built[0] == wanted:
            return built[1]
        async with self._building:
            if self._built is None or self._built[0] != wanted:
                made = await asyncio.to_thread(tls.client_context, self.context.cluster, *wanted)
                self._built = (wanted, made)
            return self._built[1]

    def handshake_error(self, error: OSError) -> Exception:
        """`Unreachable` `tls-failed` that says why a TLS handshake with this server failed."""
        return tls.explain(error, self.authority, self.server_hostname, self.context.cluster.ca)

    def connector(self) -> aiohttp.BaseConnector:
        """A connector for an aiohttp session on `base_url`; whoever asked closes it.

        Pass `ssl=await ssl_context(credential)` with a request, so that connections of an older
        client certificate are not used again.
        """
        return SocketConnector(lambda host, port: self.open_socket(), self._terms)

    async def _terms(self, host: str) -> TlsTerms:
        context = await self.ssl_context(await self.credentials.get())
        return TlsTerms(context, self.server_hostname, self.context.cluster.ca)


def _url(cluster: Cluster) -> SplitResult:
    """`cluster`'s address. Without a scheme it is https where TLS is configured (client-go)."""
    text = cluster.server.strip()
    if "://" not in text:
        secure = cluster.ca is not None or cluster.insecure_skip_tls_verify
        text = f"{'https' if secure else 'http'}://{text}"
    try:
        url = urlsplit(text)
        usable = url.scheme in {"http", "https"} and url.hostname and url.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(
            f'the server address of cluster "{cluster.name}" is not an http or https URL',
            hint="it looks like https://HOST:PORT",
        )
    return url
