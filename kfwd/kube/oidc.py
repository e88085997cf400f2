"""The `oidc` auth provider: an ID token, and a refresh token that fetches the next one.

Source: client-go `plugin/pkg/client/auth/oidc/oidc.go`; OpenID Connect Discovery 1.0 section 4;
RFC 6749 section 6. Refresh tokens may work only once, so new ones go back to the kubeconfig, or
kubectl would be locked out.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import aiohttp
from msgspec import Struct

from kfwd import decoding
from kfwd.errors import NOT_JSON, KfwdError, LoginNeeded, Unreachable
from kfwd.kube import dial, kubeconfig_edit, proxies, tls
from kfwd.kube.connector import SocketConnector, TlsTerms
from kfwd.kube.grant import Grant
from kfwd.kube.guarded import Guarded
from kfwd.kube.kubeconfig import Context, read_certificate
from kfwd.kube.kubeconfig_file import decode

T = TypeVar("T")

AHEAD = timedelta(seconds=60)
TIMEOUT_S = 15.0
MAX_ANSWER = 1024 * 1024


class Discovery(Struct, frozen=True):
    token_endpoint: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Tokens(Guarded, frozen=True):
    """An answer of the token endpoint."""

    id_token: str | None = None
    refresh_token: str | None = None


class Refusal(Struct, frozen=True):
    error: str = ""
    error_description: str = ""


class Oidc:
    """One user's tokens. `fetch()` must not run twice at once."""

    def __init__(
        self, context: Context, env: Mapping[str, str], *, now: Callable[[], datetime]
    ) -> None:
        provider = context.user.auth_provider
        assert provider is not None
        self._user = context.user.name
        self._config = provider.config
        self._files = context.ref.kubeconfig
        self._env = env
        self._now = now
        self._id_token = provider.config.get("id-token", "")
        self._refresh_token = provider.config.get("refresh-token", "")

    async def fetch(self) -> Grant:
        """An ID token, refreshed when it has at most a minute left.

        Raises `LoginNeeded` `oidc-refresh-failed` with the provider's words, or `Unreachable`.
        """
        expires = expiry(self._id_token)
        if expires is None or self._now() >= expires - AHEAD:
            try:
                await self._renew()
            except KfwdError:
                if expires is None or self._now() >= expires:
                    raise
        return Grant(token=self._id_token, expires=expiry(self._id_token))

    async def _renew(self) -> None:
        if not self._refresh_token:
            raise self._failed("the ID token has expired and there is no refresh token")
        issuer = self._config.get("idp-issuer-url", "").rstrip("/")
        async with self._session(await self._context()) as session:
            found = await self._call(
                session, "GET", f"{issuer}/.well-known/openid-configuration", Discovery
            )
            tokens = await self._call(
                session, "POST", found.token_endpoint, Tokens, **self._request(found)
            )
        if not tokens.id_token:
            raise self._failed("the provider sent no ID token")
        await self._keep(tokens.id_token, tokens.refresh_token or self._refresh_token)

    async def _keep(self, id_token: str, refresh_token: str) -> None:
        changes = {self._id_token: id_token, self._refresh_token: refresh_token}
        self._id_token, self._refresh_token = id_token, refresh_token
        await asyncio.to_thread(kubeconfig_edit.replace_values, self._files, changes)

    def _request(self, discovery: Discovery) -> dict[str, Any]:
        client, secret = self._config.get("client-id", ""), self._config.get("client-secret", "")
        form = {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        if not secret:
            return {"data": {**form, "client_id": client}}
        if "client_secret_basic" not in discovery.token_endpoint_auth_methods_supported:
            return {"data": {**form, "client_id": client, "client_secret": secret}}
        login = f"{quote(client, safe='')}:{quote(secret, safe='')}"  # RFC 6749 section 2.3.1
        header = "Basic " + base64.b64encode(login.encode()).decode()
        return {"data": form, "headers": {"Authorization": header}}

    async def _call(
        self,
        session: aiohttp.ClientSession,
        method: str,
        url: str,
        shape: type[T],
        **request: Any,
    ) -> T:
        if urlsplit(url).scheme != "https":
            raise self._failed("the provider's address is not an https URL")
        try:
            async with session.request(method, url, allow_redirects=False, **request) as response:
                body = await _body(response)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(
                f"{urlsplit(url).hostname} did not answer a login refresh: {type(error).__name__}",
                code="oidc-unreachable",
            ) from None
        if response.status != 200:
            raise self._failed(_refusal(response.status, body))
        try:
            return decoding.decode(body, shape)
        except NOT_JSON:
            raise self._failed(
                "the provider's answer is not what OpenID Connect asks for"
            ) from None

    def _session(self, context: ssl.SSLContext) -> aiohttp.ClientSession:
        async def terms(host: str) -> TlsTerms:
            return TlsTerms(context, host)

        return aiohttp.ClientSession(
            connector=SocketConnector(self._open_socket, terms),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
        )

    async def _open_socket(self, host: str, port: int) -> socket.socket:
        proxy = proxies.choose(None, "https", host, port, self._env)
        return await dial.open_socket(dial.Route(host, port, proxy))

    async def _context(self) -> ssl.SSLContext:
        """TLS that trusts the CA in the provider's settings, else the system's roots."""
        data, file = (
            self._config.get(f"idp-certificate-authority{suffix}") for suffix in ("-data", "")
        )
        what = f'the identity provider\'s certificate authority for user "{self._user}"'
        ca = decode(data, what) if data else None
        if file and not data:
            ca = await asyncio.to_thread(read_certificate, Path(file), what)
        return await asyncio.to_thread(tls.server_context, ca, "of the identity provider")

    def _failed(self, reason: str) -> LoginNeeded:
        return LoginNeeded(
            f'the OIDC login of user "{self._user}" cannot be refreshed: {reason}',
            code="oidc-refresh-failed",
            hint="log in again with the tool that made this kubeconfig",
        )


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > MAX_ANSWER:
            raise aiohttp.ClientPayloadError("the answer is too long")
    return bytes(body)


def _refusal(status: int, body: bytes) -> str:
    try:
        refusal = decoding.decode(body, Refusal)
    except NOT_JSON:
        refusal = Refusal()
    words = " ".join(part for part in (refusal.error, refusal.error_description) if part)
    return f"the provider answered {words or status}"


def expiry(id_token: str) -> datetime | None:
    """When a JWT expires, from its `exp` claim; None when there is none that can be read."""
    parts = id_token.split(".")
    if len(parts) != 3:
        return None
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return datetime.fromtimestamp(decoding.decode(payload, _Claims).exp, UTC)
    except (ValueError, OverflowError, OSError):
        return None


class _Claims(Struct, frozen=True):
    exp: float
