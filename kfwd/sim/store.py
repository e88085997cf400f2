"""The cluster's objects: one revision counter, a history window, and watchers with bounded queues.

Objects are plain JSON values and are never changed once they are in here: `update` works on a
copy. Every write gets the next resourceVersion and is told to subscribers in that order (protocol
notes I). A watcher that falls behind is cut off; its client starts again from what it saw last.
"""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

Obj = dict[str, Any]
Matches = Callable[[Obj], bool]
ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]

WINDOW = 20_000
WATCH_QUEUE = 2_000
FIRST_VERSION = 1_000


class Gone(Exception):
    """A resourceVersion that is older than the history goes back."""

    def __init__(self, requested: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {requested} ({oldest})")
        self.requested = requested
        self.oldest = oldest


class Change(Struct, frozen=True):
    """One write. `object` carries `version`; for DELETED it is the last state."""

    type: ChangeType
    version: int
    resource: str
    object: Obj
    previous: Obj | None


def copy_of(value: Any) -> Any:
    """A deep copy of a JSON value."""
    return msgspec.json.decode(msgspec.json.encode(value))


def rfc3339(moment: datetime) -> str:
    """`2026-01-02T03:04:05Z`, as the API writes times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def identity(obj: Obj) -> tuple[str, str]:
    """(namespace, name); the namespace of a cluster-scoped object is empty."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def selected(change: Change, matches: Matches) -> Change | None:
    """The change as a watcher with this selector sees it (protocol notes I.1, rule 5)."""
    now = change.type != "DELETED" and matches(change.object)
    before = change.previous is not None and matches(change.previous)
    if now:
        kind: ChangeType = "MODIFIED" if before else "ADDED"
    elif before:
        kind = "DELETED"
    else:
        return None
    return change if kind == change.type else msgspec.structs.replace(change, type=kind)


class Watcher:
    """One watch's queue. Iterate with `next()`; None ends it."""

    def __init__(self, matches: Matches, backlog: Iterable[Change], limit: int) -> None:
        self._matches = matches
        self._limit = limit
        self._queue: deque[Change] = deque()
        self._wake = asyncio.Event()
        self.ended = False
        self.expired = False
        for change in backlog:
            if (seen := selected(change, matches)) is not None:
                self._queue.append(seen)

    def feed(self, change: Change) -> None:
        """Queue a change if it concerns this watch; a full queue ends the watch."""
        if self.ended or (seen := selected(change, self._matches)) is None:
            return
        if len(self._queue) >= self._limit:
            self.end()
            return
        self._queue.append(seen)
        self._wake.set()

    def end(self, *, expired: bool = False) -> None:
        """No more changes: `next()` gives what is queued, then None."""
        self.ended = True
        self.expired = self.expired or expired
        self._wake.set()

    @property
    def waiting(self) -> int:
        """Changes that are queued."""
        return len(self._queue)

    async def next(self) -> Change | None:
        while not self._queue:
            if self.ended:
                return None
            self._wake.clear()
            await self._wake.wait()
        return self._queue.popleft()


class Store:
    """All objects, by resource plural and (namespace, name)."""

    def __init__(
        self, *, window: int = WINDOW, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._objects: dict[str, dict[tuple[str, str], Obj]] = {}
        self._history: deque[Change] = deque()
        self._window = window
        self._clock = clock
        self._versions = itertools.count(FIRST_VERSION + 1)
        self._subscribers: list[Callable[[Change], None]] = []
        self._watchers: dict[str, set[Watcher]] = {}
        self.version = FIRST_VERSION
        self.oldest = FIRST_VERSION

    def now(self) -> str:
        """The current time as the API writes it."""
        return rfc3339(self._clock())

    def clock(self) -> datetime:
        return self._clock()

    def get(self, resource: str, namespace: str, name: str) -> Obj | None:
        return self._objects.get(resource, {}).get((namespace, name))

    def objects(self, resource: str, namespace: str | None = None) -> list[Obj]:
        """Objects ordered by namespace and name; all namespaces for None."""
        objects = self._objects.get(resource, {})
        keys = sorted(key for key in objects if namespace is None or key[0] == namespace)
        return [objects[key] for key in keys]

    def create(self, resource: str, obj: Obj) -> Obj:
        """Store a new object with a uid, a creation time and a version. KeyError if it exists."""
        key = identity(obj)
        if self.get(resource, *key) is not None:
            raise KeyError(key)
        meta = {
            **obj["metadata"],
            "uid": str(uuid.uuid4()),
            "creationTimestamp": self.now(),
        }
        return self._commit("ADDED", resource, {**obj, "metadata": meta}, None)

    def replace(self, resource: str, obj: Obj) -> Obj:
        """Store a new state of an object; one that changes nothing gets no version."""
        key = identity(obj)
        previous = self._objects[resource][key]
        obj = {**obj, "metadata": {**obj["metadata"]}}
        for name in ("uid", "creationTimestamp", "resourceVersion"):
            obj["metadata"][name] = previous["metadata"][name]
        if obj == previous:
            return previous
        return self._commit("MODIFIED", resource, obj, previous)

    def update(
        self, resource: str, namespace: str, name: str, change: Callable[[Obj], None]
    ) -> Obj | None:
        """Change a copy of an object and store it. None if there is no such object."""
        current = self.get(resource, namespace, name)
        if current is None:
            return None
        obj = copy_of(current)
        change(obj)
        return self.replace(resource, obj)

    def delete(self, resource: str, namespace: str, name: str) -> Obj | None:
        """Remove an object at once. None if there is no such object."""
        previous = self.get(resource, namespace, name)
        if previous is None:
            return None
        return self._commit("DELETED", resource, previous, previous)

    def _commit(self, kind: ChangeType, resource: str, obj: Obj, previous: Obj | None) -> Obj:
        self.version = next(self._versions)
        meta = {**obj["metadata"], "resourceVersion": str(self.version)}
        obj = {**obj, "metadata": meta}
        objects = self._objects.setdefault(resource, {})
        if kind == "DELETED":
            del objects[identity(obj)]
        else:
            objects[identity(obj)] = obj
        self._publish(Change(kind, self.version, resource, obj, previous))
        return obj

    def _publish(self, change: Change) -> None:
        self._history.append(change)
        if len(self._history) > self._window:
            self.oldest = self._history.popleft().version
        for watcher in list(self._watchers.get(change.resource, ())):
            watcher.feed(change)
        for subscriber in list(self._subscribers):
            subscriber(change)

    def subscribe(self, subscriber: Callable[[Change], None]) -> Callable[[], None]:
        """Call `subscriber` with every change, as it is made. Returns what ends that."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def since(self, resource: str, version: int) -> list[Change]:
        """Changes after `version`. Raises `Gone` if some of them have been forgotten."""
        if version < self.oldest:
            raise Gone(version, self.oldest)
        return [c for c in self._history if c.version > version and c.resource == resource]

    def snapshot(self, resource: str, version: int) -> dict[tuple[str, str], Obj]:
        """The objects as they were at `version`: now, with what came later undone."""
        objects = dict(self._objects.get(resource, {}))
        for change in reversed(self.since(resource, version)):
            key = identity(change.object)
            if change.previous is None:
                del objects[key]
            else:
                objects[key] = change.previous
        return objects

    def watch(
        self, resource: str, since: int, matches: Matches, *, limit: int = WATCH_QUEUE
    ) -> Watcher:
        """A watcher of everything after `since`. Raises `Gone`. End it with `unwatch`."""
        watcher = Watcher(matches, self.since(resource, since), limit)
        self._watchers.setdefault(resource, set()).add(watcher)
        return watcher

    def watching(self, resource: str) -> int:
        """How many watches of a kind are open."""
        return len(self._watchers.get(resource, ()))

    def unwatch(self, resource: str, watcher: Watcher) -> None:
        watcher.end()
        self._watchers.get(resource, set()).discard(watcher)

    def compact(self) -> None:
        """Forget the history: every older version is gone, every watch ends as expired."""
        self._history.clear()
        self.oldest = self.version
        self.end_watches(expired=True)

    def end_watches(self, *, expired: bool = False) -> None:
        """End every watch after what it has queued."""
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.end(expired=expired)
