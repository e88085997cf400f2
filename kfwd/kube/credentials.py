"""Who we are to one API server: cached, refreshed once for everybody, never in a storm.

A credential is asked for before every request and dial, so the common answer costs nothing. What
may take long (plugins, providers) runs in a task of its own: those who wait share it, and one that
stops waiting does not stop it for the others.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import msgspec
from multidict import CIMultiDict, CIMultiDictProxy

from kfwd.backoff import HEALTHY_S, Backoff
from kfwd.errors import ConfigError, KfwdError, LoginNeeded
from kfwd.kube import certificate, exec_plugin, grant, impersonation, kubeconfig
from kfwd.kube.grant import Grant
from kfwd.kube.guarded import Guarded
from kfwd.kube.kubeconfig import Context
from kfwd.kube.login_hint import login_hint
from kfwd.kube.oidc import Oidc
from kfwd.kube.patience import Patience
from kfwd.kube.tls import day
from kfwd.tasks import TaskSet

RETRY_FIRST_S, RETRY_CAP_S = 10.0, 300.0
"""When a plugin or provider that failed is asked again, doubling."""

FILES_S = 1.0
"""How old what was read from files may get before they are read again."""

AHEAD = 0.1
AHEAD_MAX = timedelta(seconds=60)
"""Refresh in the background for the last tenth of a credential's life, at most a minute."""

SETTLE_S = 10.0
"""What was just granted is not asked for again when it is near its end or past it (a plugin with a
cache of its own, or a wrong clock)."""

SETTLE = timedelta(seconds=SETTLE_S)


class Credential(Guarded, frozen=True, kw_only=True):
    """What to send with requests, and the client certificate (PEM) to show.

    `headers` may hold a name more than once (`Impersonate-Group`): copy it with `CIMultiDict`, not
    with `dict`. `tag` tells one credential from the next; `expires` is the earliest date known.
    """

    shown: ClassVar[frozenset[str]] = frozenset({"tag", "expires"})
    headers: CIMultiDictProxy[str]
    client_cert: bytes | None = None
    client_key: bytes | None = None
    expires: datetime | None = None
    tag: int


class Credentials:
    """The credentials of one context. `env` is what plugins run in and providers find proxies in.

    `changed` is called when `waits_for` changes. `close()` ends a refresh and its plugin.
    """

    def __init__(
        self,
        context: Context,
        env: Mapping[str, str],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        plugin_timeout: float = exec_plugin.TIME_LIMIT_S,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._context = context
        self._env = env
        self._monotonic = monotonic
        self._now = now
        self._plugin_timeout = plugin_timeout
        self._patience = Patience(changed)
        self._tasks = TaskSet(f"credentials/{context.ref.name}")
        self._tags = itertools.count(1)
        self._oidc: Oidc | None = None
        self._files = kubeconfig.fingerprint(context.ref.kubeconfig)
        self._refreshing: asyncio.Task[Credential | KfwdError] | None = None
        self._current: Credential | None = None
        self._from_files = False
        self._fetched_at = 0.0
        self._ends: datetime | None = None
        self._refresh_from: datetime | None = None
        self._stale = False
        self._rejected = False
        self._replace_at = 0.0
        self._failure: KfwdError | None = None
        self._retry_at = 0.0
        # Without jitter: there is nobody else to be out of step with, and people are told when.
        self._retry = Backoff(
            first=RETRY_FIRST_S, cap=RETRY_CAP_S, uniform=lambda least, most: most
        )

    @property
    def current(self) -> Credential | None:
        """The last credential that was had, usable or not."""
        return self._current

    @property
    def waits_for(self) -> str | None:
        """The login plugin that everything waits for, in words, once that takes long."""
        plugin, spent_s = self._context.user.exec, self._patience.spent_s
        if plugin is None or spent_s is None or self._good() is not None:
            return None
        return f"the login plugin {plugin.command} has been running for {spent_s:g} s"

    @property
    def retry_in_s(self) -> float:
        """Seconds until `get()` tries again what failed or was rejected; else infinite."""
        now = self._monotonic()
        due = (
            self._replace_at if self._rejected else 0.0,
            self._retry_at if self._failure is not None else 0.0,
        )
        return min((at - now for at in due if at > now), default=math.inf)

    async def get(self) -> Credential:
        """A credential that should be accepted.

        Raises `LoginNeeded` or `ConfigError`, with a plugin's own words; the same one again,
        without another attempt, for 10 s that double to 5 min.
        """
        good = self._good()
        if good is not None and not (self._outdated() or self._ending()):
            return good
        if self._failure is not None and self._monotonic() < self._retry_at:
            return _or_raise(good, self._failure)
        refreshing = self._refresh()
        if good is not None and not self._outdated():
            return good
        result = await _outcome(refreshing)
        return _or_raise(self._good(), result) if isinstance(result, KfwdError) else result

    def retry(self) -> None:
        """Let the next `get()` try again at once: a login was made, or the network is back."""
        self._retry_at = self._replace_at = 0.0

    def reread(self) -> None:
        """Files changed: the next `get()` reads them, if that is where the credential is from."""
        self._stale = self._from_files
        self.retry()

    def rejected(self, credential: Credential) -> None:
        """Say that the server answered 401 to `credential`: it will be replaced.

        One that was granted just now is replaced later, and each one more that is rejected takes
        twice as long: a server that rejects everything makes no storm.
        """
        if self._rejected or self._current is None or credential.tag != self._current.tag:
            return
        self._rejected = True
        self._replace_at = 0.0
        if self._age() < HEALTHY_S:
            self._replace_at = self._fetched_at + max(SETTLE_S, self._pause())

    async def take(self, given: Grant) -> None:
        """Use what a person was granted, in place of what a plugin would be asked for here.

        Raises `LoginNeeded` or `ConfigError` when it cannot be used.
        """
        own = await asyncio.to_thread(grant.read, self._context.user)
        self._keep(self._credential(_over(own, given)), from_files=False)
        if self._refreshing is not None:
            self._refreshing.cancel()

    async def close(self) -> None:
        await self._tasks.close()

    def _good(self) -> Credential | None:
        """What we have, unless it is known to be of no use."""
        expired = self._ends is not None and self._now() >= self._ends
        rejected = self._rejected and self._monotonic() >= self._replace_at
        return None if expired or rejected else self._current

    def _outdated(self) -> bool:
        """Whether files may hold something newer."""
        return self._stale or (self._from_files and self._age() >= FILES_S)

    def _ending(self) -> bool:
        if self._refresh_from is None or self._age() < SETTLE_S:
            return False
        return self._now() >= self._refresh_from

    def _age(self) -> float:
        return self._monotonic() - self._fetched_at

    def _refresh(self) -> asyncio.Task[Credential | KfwdError]:
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = self._tasks.spawn(self._renew(), "refresh")
        return self._refreshing

    async def _renew(self) -> Credential | KfwdError:
        """Fetch once. A failure is a result, since many may wait for it."""
        self._stale = False
        try:
            granted = await self._fetch()
            credential = self._credential(granted)
        except KfwdError as error:
            self._failure = error
            self._retry_at = self._monotonic() + self._pause()
            return error
        return self._keep(credential, granted.from_files)

    def _pause(self) -> float:
        """Seconds to the next try. Files are cheap to look at; a plugin may open a browser."""
        user = self._context.user
        if user.exec is None and user.auth_provider is None:
            return FILES_S
        return self._retry.failed(self._monotonic())

    def _keep(self, credential: Credential, from_files: bool) -> Credential:
        """Make `credential` the current one, unless it is the same again."""
        if self._current is None or not _same(credential, self._current):
            self._current = credential
        self._rejected = False
        self._failure = None
        self._from_files = from_files
        self._fetched_at = self._monotonic()
        self._retry.succeeded(self._fetched_at)
        self._ends = self._refresh_from = None
        if credential.expires is not None:
            now = self._now()
            life = credential.expires - now
            self._ends = credential.expires if life > timedelta() else now + SETTLE
            self._refresh_from = self._ends - min(AHEAD_MAX, max(life, timedelta()) * AHEAD)
        return self._current

    async def _fetch(self) -> Grant:
        await asyncio.to_thread(self._reload)
        user = self._context.user
        own = await asyncio.to_thread(grant.read, user)
        if own.authorization() is None and user.exec is not None:
            with self._patience.during():
                limit = self._plugin_timeout
                given = await exec_plugin.fetch(self._context, self._env, timeout=limit)
            return _over(own, given)
        if own.authorization() is None and user.auth_provider is not None:
            return _over(own, await self._provided())
        return own

    def _reload(self) -> None:
        """Take over what `kubectl config`, or a cloud's CLI, has written to the kubeconfig."""
        files = kubeconfig.fingerprint(self._context.ref.kubeconfig)
        if files == self._files:
            return
        try:
            user = kubeconfig.find(self._context.ref).user
        except ConfigError:
            return  # half-written, perhaps: what we know stays good
        self._files = files
        if user != self._context.user:
            self._context = msgspec.structs.replace(self._context, user=user)
            self._oidc = None

    async def _provided(self) -> Grant:
        provider = self._context.user.auth_provider
        assert provider is not None
        if provider.name == "oidc":
            self._oidc = self._oidc or Oidc(self._context, self._env, now=self._now)
            return await self._oidc.fetch()
        from kfwd.kube import legacy_auth  # loads the official client: rarely needed, and slow

        return await asyncio.to_thread(legacy_auth.fetch, self._context)

    def _credential(self, granted: Grant) -> Credential:
        user = self._context.user
        ends = [granted.expires, self._certificate_end(granted)]
        lines = list(impersonation.headers(user.impersonate)) if user.impersonate else []
        if authorization := granted.authorization():
            lines.append(("Authorization", authorization))
        _check_headers(user.name, lines)
        return Credential(
            headers=CIMultiDictProxy(CIMultiDict(lines)),
            client_cert=granted.client_cert,
            client_key=granted.client_key,
            expires=min((end for end in ends if end is not None), default=None),
            tag=next(self._tags),
        )

    def _certificate_end(self, granted: Grant) -> datetime | None:
        """When the client certificate ends. Raises `LoginNeeded` when it is not valid now."""
        if granted.client_cert is None:
            return None
        what = f'the client certificate of user "{self._context.user.name}"'
        try:
            validity = certificate.validity(granted.client_cert)
        except ValueError as error:
            raise ConfigError(
                f"{what} cannot be used: {error}", code="client-certificate-invalid"
            ) from error
        if validity.end <= self._now():
            raise LoginNeeded(
                f"{what} expired on {day(validity.end)}",
                code="client-certificate-expired",
                hint=login_hint(self._context),
            )
        if validity.start > self._now():
            raise LoginNeeded(
                f"{what} is valid only from {day(validity.start)}",
                code="client-certificate-not-yet-valid",
                hint="check the clock",
            )
        return validity.end


async def _outcome(refreshing: asyncio.Task[Credential | KfwdError]) -> Credential | KfwdError:
    """What the shared task comes to; being cancelled here does not cancel it."""
    await asyncio.wait([refreshing])
    if refreshing.cancelled():
        return LoginNeeded("the login was interrupted", code="login-interrupted")
    return refreshing.result()


def _same(one: Credential, other: Credential) -> bool:
    """Whether two credentials differ in nothing but their tags."""
    return msgspec.structs.replace(one, tag=other.tag) == other


def _or_raise(good: Credential | None, failure: KfwdError) -> Credential:
    if good is None:
        raise failure
    return good


def _over(own: Grant, given: Grant) -> Grant:
    """`given`, with the kubeconfig's own certificate where it brings none."""
    if given.client_cert is not None:
        return given
    return msgspec.structs.replace(given, client_cert=own.client_cert, client_key=own.client_key)


def _check_headers(user: str, lines: Iterable[tuple[str, str]]) -> None:
    for name, value in lines:
        if not value.isprintable():
            raise ConfigError(
                f'user "{user}" brings a line break or control character into the header {name}'
            )
