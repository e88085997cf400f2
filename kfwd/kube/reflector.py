"""The objects of one kind and namespace as they are now: listed once, then watched."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, Literal, Protocol, TypeVar

from msgspec import Struct

from kfwd.backoff import Backoff
from kfwd.errors import ApiError, Forbidden, KfwdError, NotFound
from kfwd.kube import nudge
from kfwd.kube.answers import error_of_event
from kfwd.kube.api import Api
from kfwd.kube.nudge import Nudge
from kfwd.kube.objects import Kind, Resource, T
from kfwd.kube.rounds import Outcome, Phase, Wait, after, outcome_of
from kfwd.kube.subscribers import Subscribers, Wake
from kfwd.kube.watch import Batches, EventType, WatchEvent

log = logging.getLogger(__name__)

MIN_TOLD_S, MAX_TOLD_S = 1.0, 60.0
"""Least and most seconds to wait where a server's Retry-After says how long."""

Mode = Literal["watch", "watch-name", "poll"]
T_co = TypeVar("T_co", bound=Resource, covariant=True)


class Pace(Struct, frozen=True, kw_only=True):
    """How often a reflector does what, in seconds. The defaults are client-go's or the design's."""

    watch_s: tuple[int, int] = (300, 600)
    """A watch is asked for a random time in between, so that not all end at once."""
    short_s: float = 1.0
    """A watch that ends sooner, without an event, is a failure."""
    poll_s: float = 5.0
    rules_s: float = 30.0
    doubt_s: float = 5.0
    """How long a 403 is not believed where a watch was allowed before: an API server that has just
    started answers so until it has read its own rules."""
    nudge_gap_s: float = nudge.GAP_S
    uniform: Callable[[float, float], float] = random.uniform
    backoff: Callable[[], Backoff] = Backoff


class Source(Protocol[T_co]):
    """Objects that are kept up to date.

    `objects` is by name (`namespace/name` where it spans namespaces) and must not be kept over an
    await. `problem` while `synced` means that the objects may be old or come late.
    """

    @property
    def objects(self) -> Mapping[str, T_co]: ...

    @property
    def synced(self) -> bool: ...

    @property
    def problem(self) -> KfwdError | None: ...

    @property
    def mode(self) -> Mode: ...

    def subscribe(self, wake: Wake) -> Callable[[], None]:
        """Have `wake` called after every change of the above, once a batch."""

    def refresh(self) -> None:
        """Look again at once (at most once a second)."""

    async def ready(self) -> None:
        """Wait until the first look is over: `synced`, or `problem` says why not."""


class Reflector(Generic[T]):
    """Follows a kind in one namespace (None: all), or one object of it by its name.

    `run()` does the work until it is cancelled. Rounds, waits and fallbacks: `kube.rounds`.
    """

    def __init__(
        self,
        api: Api,
        kind: Kind[T],
        namespace: str | None,
        name: str | None = None,
        *,
        pace: Pace | None = None,
    ) -> None:
        self.kind = kind
        self.namespace = namespace
        self.name = name
        self.synced = False
        self.problem: KfwdError | None = None
        self._api = api
        self._pace = pace or Pace()
        self._objects: dict[str, T] = {}
        self._version = ""
        self._phase = Phase.LIST
        self._polling: Forbidden | None = None
        self._polling_since = 0.0
        self._watched = False
        self._denied_at: float | None = None
        self._told_s = 0.0
        self._backoff = self._pace.backoff()
        self._nudge = Nudge(self._pace.nudge_gap_s)
        self._subscribers = Subscribers()
        self._looked = asyncio.Event()

    def __str__(self) -> str:
        what = f"{self.kind.singular} {self.name}" if self.name else self.kind.name
        return f"{what} in namespace {self.namespace}" if self.namespace else what

    @property
    def objects(self) -> Mapping[str, T]:
        return self._objects

    @property
    def mode(self) -> Mode:
        if self._polling is not None:
            return "poll"
        return "watch-name" if self.name else "watch"

    def subscribe(self, wake: Wake) -> Callable[[], None]:
        return self._subscribers.add(wake)

    def refresh(self) -> None:
        self._nudge.give()

    def restart(self) -> None:
        """Look again at once, and soon again if that fails: what failed so far does not count."""
        self._backoff.restart()
        self.refresh()

    async def ready(self) -> None:
        await self._looked.wait()

    async def run(self) -> None:
        rounds = {Phase.LIST: self._list, Phase.WATCH: self._watch, Phase.GET: self._get}
        while True:
            self._nudge.answer()
            try:
                outcome = await rounds[self._phase]()
            except KfwdError as error:
                outcome = self._note(error)
            wait = self._advance(outcome)
            await self._pause(wait)

    async def _list(self) -> Outcome:
        found = await self._api.list(self.kind, self.namespace, field_selector=self._field())
        self._version = found.metadata.resource_version
        if self.problem is not self._polling and isinstance(self.problem, Forbidden):
            self._polling = None  # the rules have changed: a watch may be allowed, too
        self._saw({self._key(item): item for item in found.items or ()})
        return Outcome.DONE

    async def _get(self) -> Outcome:
        assert self.name is not None
        try:
            item = await self._api.get(self.kind, self.namespace, self.name)
        except NotFound:
            self._saw({})
        else:
            self._saw({self._key(item): item})
        return Outcome.DONE

    async def _watch(self) -> Outcome:
        """Watch until the stream ends; a nudge ends it, too, since it may be dead."""
        low, high = self._pace.watch_s
        outcome = Outcome.DONE
        async with self._api.watch(
            self.kind,
            self.namespace,
            resource_version=self._version,
            timeout_s=round(self._pace.uniform(low, high)),
            field_selector=self._field(),
        ) as batches:
            self._nudge.answer()  # it is alive: what we missed comes next
            self._polling = None
            self._watched = True
            self._saw(None)
            async with self._nudge.cutting():
                outcome = await self._follow(batches)
        return outcome

    async def _follow(self, batches: Batches[T]) -> Outcome:
        """A stream that breaks is no problem to show: the next watch tells."""
        loop = asyncio.get_running_loop()
        started, silent = loop.time(), True
        try:
            async for batch in batches:
                silent = not self._apply(batch) and silent
        except KfwdError as error:
            log.debug("the watch of %s broke: %s", self, error)
            return self._outcome(error)
        short = loop.time() - started < self._pace.short_s
        return Outcome.SHORT if silent and short else Outcome.DONE

    def _apply(self, batch: Iterable[WatchEvent[T]]) -> bool:
        """Take the events in, then wake. Returns whether an object changed.

        Raises what an ERROR event stands for, once the events before it are taken in.
        """
        changed, failure = False, None
        for event in batch:
            if event.status is not None:
                failure = error_of_event(event.status)
                break
            self._version = event.resource_version
            if event.object is not None:
                self._change(event.type, event.object)
                changed = True
        if changed:
            self._subscribers.wake()
        if failure is not None:
            raise failure
        return changed

    def _change(self, what: EventType, item: T) -> None:
        if what is EventType.DELETED:
            self._objects.pop(self._key(item), None)
        else:
            self._objects[self._key(item)] = item

    def _saw(self, found: dict[str, T] | None) -> None:
        """A look succeeded; `found` is all there is, or None where that has not changed."""
        self._backoff.succeeded(asyncio.get_running_loop().time())
        changed = not self.synced or self.problem is not self._polling
        if found is not None:
            changed = changed or _differ(self._objects, found)
            self._objects = found
        self.synced = True
        self._denied_at = None
        self.problem = self._polling
        self._looked.set()
        if changed:
            self._subscribers.wake()

    def _note(self, error: KfwdError) -> Outcome:
        """A look failed. What is known stays; where rules forbid one way, another may work."""
        outcome = self._outcome(error)
        if isinstance(error, Forbidden):
            if self._doubted():
                log.debug("%s: not believed yet: %s", self, error)
                return Outcome.FAILED
            self._watched = False
        if isinstance(error, Forbidden) and self._has_another_way():
            self._polling = self._poll_warning(error)
            self._polling_since = asyncio.get_running_loop().time()
            if self.synced:
                self._trouble(self._polling)
        else:
            self._trouble(error)
            self._looked.set()
        return outcome

    def _doubted(self) -> bool:
        """Whether a 403 may be that of an API server that has just started."""
        now = asyncio.get_running_loop().time()
        self._denied_at = now if self._denied_at is None else self._denied_at
        return self._watched and now - self._denied_at < self._pace.doubt_s

    def _trouble(self, error: KfwdError) -> None:
        known = self.problem is not None and self.problem.text == error.text
        self.problem = error
        if not known:
            log.info("%s: %s", self, error)
            self._subscribers.wake()

    def _has_another_way(self) -> bool:
        return self._phase is Phase.WATCH or (self._phase is Phase.LIST and self.name is not None)

    def _poll_warning(self, error: Forbidden) -> Forbidden:
        verbs = "list and watch" if self._phase is Phase.LIST else "watch"
        return Forbidden(
            f"{self} can only be looked at every {self._pace.poll_s:g} s: {error.text}",
            hint=f"changes are seen at once where a role allows {verbs} on {self.kind.name}",
            code="polling",
        )

    def _outcome(self, error: KfwdError) -> Outcome:
        if isinstance(error, ApiError) and error.retry_after_s is not None:
            self._told_s = min(max(error.retry_after_s, MIN_TOLD_S), MAX_TOLD_S)
        return outcome_of(error)

    def _advance(self, outcome: Outcome) -> Wait:
        since = asyncio.get_running_loop().time() - self._polling_since
        step = after(
            self._phase,
            outcome,
            one=self.name is not None,
            watchable=self._polling is None or since >= self._pace.rules_s,
            failures=self._backoff.failures,
        )
        self._phase = step.phase
        return step.wait

    async def _pause(self, wait: Wait) -> None:
        """Wait before the next round. What the server told is kept, the rest a nudge cuts short."""
        if wait == "told":
            await asyncio.sleep(self._told_s)
        elif wait != "none":
            seconds = self._seconds(wait)
            async with self._nudge.cutting():
                await asyncio.sleep(seconds)

    def _seconds(self, wait: Wait) -> float:
        if wait == "back-off":
            return self._backoff.failed(asyncio.get_running_loop().time())
        return self._pace.poll_s if wait == "poll" else self._pace.rules_s

    def _key(self, item: T) -> str:
        spans = self.kind.namespaced and self.namespace is None
        return f"{item.metadata.namespace}/{item.name}" if spans else item.name

    def _field(self) -> str | None:
        return f"metadata.name={self.name}" if self.name else None


def _differ(old: Mapping[str, Resource], new: Mapping[str, Resource]) -> bool:
    return old.keys() != new.keys() or any(
        (item.metadata.uid, item.metadata.resource_version)
        != (new[key].metadata.uid, new[key].metadata.resource_version)
        for key, item in old.items()
    )
