"""One context for all entries in it.

It is there also while its kubeconfig cannot be read, so that listeners are bound and wait. A
kubeconfig that changes is read again; one that breaks takes nothing down.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from kfwd.daemon.health import about
from kfwd.daemon.refusals import Refusals
from kfwd.entries.states import Fault, fault_of
from kfwd.errors import ConfigError, KfwdError, LoginNeeded, Unreachable, UpgradeFailed
from kfwd.kube import kubeconfig
from kfwd.kube.cluster import Cluster
from kfwd.kube.grant import Grant
from kfwd.kube.subscribers import Subscribers
from kfwd.model import (
    ContextRef,
    ContextState,
    ContextView,
    Problem,
    ProblemView,
    Severity,
    utcnow,
)
from kfwd.service.environment import TRANSPORTS
from kfwd.tasks import TaskSet
from kfwd.tunnel import transports
from kfwd.tunnel.dial import Dialer, Dialled
from kfwd.tunnel.podref import SessionCut
from kfwd.tunnel.pool import Pool
from kfwd.tunnel.transports import Known

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often a kubeconfig, and the files it names, are looked at for changes."""


class Login(NamedTuple):
    """What a person was granted in a terminal, and for what."""

    context: kubeconfig.Context
    given: Grant

    def fits(self, context: kubeconfig.Context) -> bool:
        """Whether it is good for `context` as that is now."""
        expired = self.given.expires is not None and self.given.expires <= utcnow()
        was, now = self.context, context
        return (was.user, was.cluster) == (now.user, now.cluster) and not expired


class SharedContext:
    """One context. It dials for its pool, and tells its cluster how that went."""

    def __init__(
        self,
        ref: ContextRef,
        env: Mapping[str, str],
        *,
        known: Known | None,
        learned: Callable[[Known], None],
        on_cut: Callable[[SessionCut], None] = lambda cut: None,
        login: Login | None = None,
    ) -> None:
        self.ref = ref
        self.pool = Pool(ref.name, self, on_cut)
        self.current: Cluster | None = None
        self._retired: Cluster | None = None
        self._env = env
        self._config: Fault | None = None
        self.login = login
        self._known = known
        self._learned = learned
        self._dialer: Dialer | None = None
        self._refusals = Refusals()
        self._opened = asyncio.Event()
        self._stop_listening: Callable[[], None] = lambda: None
        self._subscribers = Subscribers()
        self._tasks = TaskSet(f"context {ref.name}")
        self._tasks.spawn(self._follow_kubeconfig(), "kubeconfig")

    @property
    def name(self) -> str:
        return self.ref.name

    @property
    def namespace(self) -> str | None:
        return self.current.context.namespace if self.current else None

    @property
    def transport(self) -> str | None:
        return self._known_now.transport if self._known_now else None

    @property
    def _known_now(self) -> Known | None:
        return self._dialer.known if self._dialer else self._known

    @property
    def fault(self) -> Fault | None:
        """What is wrong with all of it, with this context as the cause."""
        if self.current is None:
            return self._config and _caused(self._config, self.name)
        if (problem := self.current.problem) is None:
            return None
        state = self.current.state
        heals, bars = state is not ContextState.FORBIDDEN, state is ContextState.LOGIN_NEEDED
        return _caused(Fault(problem, heals=heals, bars=bars), self.name)

    @property
    def refused(self) -> Problem | None:
        """What keeps sessions from all pods, with this context as the cause."""
        common = self._refusals.common
        return common and msgspec.structs.replace(common, cause=self.name)

    @property
    def problems(self) -> tuple[ProblemView, ...]:
        """What is wrong, about this context."""
        found = [self._config.problem if self._config else None]
        found.append(self.current.problem if self.current else None)
        found.append(self._refusals.common)
        found.append(transports.problem(self._known_now))
        return tuple(about(self.name, problem) for problem in found if problem is not None)

    async def cluster(self) -> Cluster:
        await self._opened.wait()
        assert self.current is not None
        return self.current

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        return self._subscribers.add(callback)

    async def dial(self, namespace: str, pod: str, port: int | None = None) -> Dialled | None:
        if self._dialer is None or self.current is None:
            raise Unreachable(f"the context {self.name} is not known yet")
        try:
            dialled = await self._dialer.dial(namespace, pod, port)
        except (Unreachable, LoginNeeded) as error:
            self.current.report(error)
            raise
        except UpgradeFailed as error:
            if self._refusals.met(f"{namespace}/{pod}", error):
                self._subscribers.wake()
            raise
        self.current.report(None)
        if self._refusals.over():
            self._subscribers.wake()
        return dialled

    def way_changed(self) -> None:
        """The machine slept, or the network changed: look at everything again at once."""
        if self.current is not None:
            self.current.way_changed()
        self.pool.way_changed()
        self._subscribers.wake()

    async def log_in(self, given: Grant) -> None:
        """Go on with what a person was granted. Raises `LoginNeeded` when the server refuses it."""
        cluster = await self.cluster()
        await cluster.log_in(given)
        self.login = Login(cluster.context, given)

    async def close(self) -> list[str]:
        self._stop_listening()
        stuck = await self.pool.close() + await self._tasks.close()
        for cluster in (self._retired, self.current):
            if cluster is not None:
                stuck += await cluster.close()
        return stuck

    async def _follow_kubeconfig(self) -> None:
        """Read the kubeconfig, and read it again whenever it or a file it names changes."""
        seen: Mapping[str, object] | None = None
        while True:
            files = self._files()
            prints = await asyncio.to_thread(kubeconfig.fingerprint, files)
            now = dict(zip(files, prints, strict=True))
            if now != seen:  # a file that is new here may have changed since it was read
                seen = now
                await self._read_again()
            await asyncio.sleep(LOOK_S)

    def _files(self) -> tuple[str, ...]:
        named = self.current.context.files if self.current else ()
        return (*self.ref.kubeconfig, *(str(file) for file in named))

    async def _read_again(self) -> None:
        try:
            await self._read()
        except ConfigError as error:
            self._unreadable(error)

    async def _read(self) -> None:
        context = await asyncio.to_thread(kubeconfig.find, self.ref)
        self._config = None
        if self.current is None or self.current.context != context:
            await self._use(Cluster(context, self._env))
        else:
            self.current.reread()
        self._subscribers.wake()

    async def _keep_login(self, cluster: Cluster) -> None:
        """A login that a person made outlives changes that have nothing to do with it."""
        if self.login is not None and not self.login.fits(cluster.context):
            self.login = None
        if self.login is not None:
            with contextlib.suppress(LoginNeeded, ConfigError):
                await cluster.credentials.take(self.login.given)

    async def _use(self, cluster: Cluster) -> None:
        await self._keep_login(cluster)
        old, self.current = self.current, cluster
        self._stop_listening()
        self._stop_listening = cluster.on_change(self._subscribers.wake)
        self._dialer = Dialer(
            cluster.server,
            cluster.credentials,
            aside=lambda work: self._tasks.spawn(work, "try a better transport"),
            known=self._known_now,
            learned=self._learned,
            allowed=self._allowed(),
        )
        self._opened.set()
        if old is not None:
            log.info("the kubeconfig changed", extra={"context": self.name})
            self._subscribers.wake()
            self._retired = old
            await old.close()
            self._retired = None

    def _allowed(self) -> tuple[str, ...]:
        """The transports that the environment allows; a mistake there takes nothing down."""
        try:
            return transports.read(self._env.get(TRANSPORTS, ""), self.name)
        except ValueError as error:
            log.warning("%s: %s", TRANSPORTS, error, extra={"context": self.name})
            return transports.TRANSPORTS

    def _unreadable(self, error: KfwdError) -> None:
        log.warning("%s", error.text, extra={"context": self.name})
        severity: Severity = "warning" if self.current else "error"
        self._config = fault_of(error, severity=severity)
        self._subscribers.wake()

    def view(self) -> ContextView:
        cluster = self.current
        return ContextView(
            name=self.name,
            server=cluster.context.cluster.server if cluster else "",
            state=cluster.state if cluster else ContextState.UNKNOWN,
            latency_ms=cluster.latency_ms if cluster else None,
            transport=self.transport,
            login_expires=cluster.login_expires if cluster else None,
        )


def _caused(fault: Fault, cause: str) -> Fault:
    problem = msgspec.structs.replace(fault.problem, cause=cause)
    return msgspec.structs.replace(fault, problem=problem)
