"""One context while it is in use: its server, credentials and reflectors, and how it is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec.structs import replace

from kfwd.backoff import Backoff
from kfwd.errors import ApiError, Forbidden, KfwdError, Unreachable
from kfwd.kube import health
from kfwd.kube.api import Api
from kfwd.kube.connect import Server
from kfwd.kube.credentials import Credentials
from kfwd.kube.grant import Grant
from kfwd.kube.health import Health
from kfwd.kube.kubeconfig import Context
from kfwd.kube.login_hint import login_hint
from kfwd.kube.nudge import Nudge
from kfwd.kube.reflector import Pace
from kfwd.kube.reflectors import Reflectors
from kfwd.kube.subscribers import Subscribers
from kfwd.model import ContextRef, ContextState, Problem
from kfwd.tasks import TaskSet

CHECK_S = 10.0
CHECK_TIMEOUT_S = 5.0
_AWAY = {ContextState.UNREACHABLE, ContextState.LOGIN_NEEDED}


class Cluster:
    """Everything that is one a context. Made in a running loop; `close()` ends it.

    Every request tells how it went, and so may everybody else who talks to the server (`report`).
    Where nothing was heard for a while, a small request asks. When the context is back, all its
    reflectors look again at once.
    """

    def __init__(
        self,
        context: Context,
        env: Mapping[str, str],
        *,
        check_s: float = CHECK_S,
        pace: Pace | None = None,
    ) -> None:
        self.context = context
        self.credentials = Credentials(context, env, changed=self._login_waits)
        self._waiting: Problem | None = None
        self.server = Server(context, self.credentials, env)
        self.api = Api(self.server, self.credentials, report=self.report)
        self.reflectors = Reflectors(self.api, context.ref.name, pace=pace)
        self._check_s = check_s
        self._health = Health()
        self._expiry: datetime | None = None
        self._heard_at = float("-inf")
        self._subscribers = Subscribers()
        self._nudge = Nudge()
        self._backoff = Backoff(cap=check_s)
        self._tasks = TaskSet(f"cluster/{context.ref.name}")
        self._tasks.spawn(self._keep_checking(), "check")

    @property
    def ref(self) -> ContextRef:
        return self.context.ref

    @property
    def name(self) -> str:
        return self.context.ref.name

    @property
    def state(self) -> ContextState:
        return self._health.state

    @property
    def problem(self) -> Problem | None:
        """What is wrong with the whole context. For its entries it is the cause, not a problem of
        each: they show it with `cause` set to this context's name.
        """
        return self._health.problem or self._waiting

    @property
    def latency_ms(self) -> float | None:
        """From a small request to its answer, the last time that one was answered."""
        return self._health.latency_ms

    @property
    def login_expires(self) -> datetime | None:
        current = self.credentials.current
        return current.expires if current else None

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called when state, problem, expiry or (by a quarter) latency change.

        Returns what ends that.
        """
        return self._subscribers.add(callback)

    def report(self, error: KfwdError | None, latency_s: float | None = None) -> None:
        """Note how a request, a watch or a dial to the server went; None: it was answered."""
        self._settle(health.after(self._health, error, latency_s))
        if health.verdict(error) is ContextState.OK:
            self._heard_at = asyncio.get_running_loop().time()

    def way_changed(self) -> None:
        """The network changed or the machine woke up: nothing that was found on the way counts."""
        self.server.way_changed()
        self._backoff.restart()
        self.reflectors.restart()
        self.refresh()

    def refresh(self) -> None:
        """Look again at once: a login was made, something happened to the cluster."""
        self._heard_at = float("-inf")
        self.credentials.retry()
        self._nudge.give()
        self.reflectors.refresh()

    def reread(self) -> None:
        """Files changed that the credentials come from."""
        self.credentials.reread()
        if self.state in _AWAY:
            self.refresh()

    async def log_in(self, given: Grant) -> None:
        """Go on with what a person was granted.

        Raises `LoginNeeded` when the server refuses it or it cannot be used; when the server cannot
        be asked, the state says so.
        """
        await self.credentials.take(given)
        self.refresh()
        with contextlib.suppress(Unreachable, ApiError, Forbidden):
            await self.api.version(timeout=CHECK_TIMEOUT_S)

    async def close(self) -> list[str]:
        """Stop everything. Returns the names of tasks that did not stop in time."""
        stuck = await self._tasks.close() + await self.reflectors.close()
        await self.api.close()
        await self.credentials.close()
        return stuck

    def _settle(self, new: Health) -> None:
        old, self._health = self._health, new
        expiry, self._expiry = self._expiry, self.login_expires
        if new is old and expiry == self._expiry:
            return
        if old.state in _AWAY and new.state not in _AWAY:
            self.server.way.changed()  # what was asked while it was away may wait for nothing
            self.reflectors.refresh()
        if new.state is ContextState.LOGIN_NEEDED is not old.state:
            self._nudge.give()  # from now on the credentials say when to look
        self._subscribers.wake()

    def _login_waits(self) -> None:
        """A login plugin takes long, or has ended."""
        words, before = self.credentials.waits_for, self._waiting
        self._waiting = None
        if words is not None:
            hint = login_hint(self.context)
            found = Problem(code="login-running", severity="warning", text=words, hint=hint)
            self._waiting = replace(found, since=before.since) if before else found
        self._subscribers.wake()

    async def _keep_checking(self) -> None:
        while True:
            self._nudge.answer()
            delay = await self._look()
            async with self._nudge.cutting():
                await asyncio.sleep(delay)

    async def _look(self) -> float:
        """Ask the server unless it was heard lately. Returns the seconds until the next look."""
        loop = asyncio.get_running_loop()
        silent_s = loop.time() - self._heard_at
        if silent_s < self._check_s and self.state is not ContextState.LOGIN_NEEDED:
            return self._check_s - silent_s
        try:
            await self.api.version(timeout=CHECK_TIMEOUT_S)
        except KfwdError as error:
            self._settle(health.after(self._health, error, None, check=True))
            return min(self._backoff.failed(loop.time()), self.credentials.retry_in_s)
        self._backoff.succeeded(loop.time())
        return self._check_s
