"""What the daemon asks of every kind of entry, and what it gives to each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from kfwd.api_doctor import Fact
from kfwd.api_model import ConnectionView
from kfwd.entries.states import Facts, Fault
from kfwd.front.door import Door
from kfwd.kube.cluster import Cluster
from kfwd.model import EntryCounters, EntryView, Problem
from kfwd.tunnel.pool import Sessions

Accepted = Callable[[int], None]
"""Called with the local port of each connection that was accepted."""


@runtime_checkable
class Entry(Protocol):
    """One entry that is up: `bind`, then `run` until that is cancelled, then `close`."""

    accepted: set[Accepted]

    def bind(self) -> None:
        """Try once to listen. What is in the way becomes a problem of the entry, not an error."""

    async def run(self) -> None:
        """The entry's life: listens if it does not yet. Any end but a cancellation is a bug."""

    async def close(self) -> list[str]:
        """Free the ports and end the connections; names of tasks that did not stop in time."""
        ...

    def move(self, context: Context, *, end: bool) -> list[asyncio.Task[None]]:
        """Be in another context from now on, with the same listeners.

        Returns the tasks of connections that are still open in the one before; `end` cuts them off.
        """
        ...

    def view(self) -> EntryView:
        """What is shown of it now."""
        ...

    def facts(self) -> Facts:
        """What is known of it, and decides its state."""
        ...

    def parts(self) -> tuple[Fact, ...]:
        """What it needs, each thing on its own, now."""
        ...

    def counters(self) -> EntryCounters: ...

    def connections(self) -> tuple[ConnectionView, ...]: ...

    @property
    def doors(self) -> tuple[Door[Any], ...]:
        """Where connections come in."""
        ...


@runtime_checkable
class Context(Protocol):
    """An entry's context, also while its kubeconfig cannot be read. Entries share it."""

    @property
    def name(self) -> str: ...

    @property
    def namespace(self) -> str | None:
        """The default namespace, once it is known."""

    @property
    def pool(self) -> Sessions: ...

    @property
    def fault(self) -> Fault | None:
        """What is wrong with the context as a whole."""

    @property
    def refused(self) -> Problem | None:
        """What keeps sessions from all its pods alike."""

    @property
    def current(self) -> Cluster | None:
        """The cluster, as its kubeconfig says now."""

    async def cluster(self) -> Cluster:
        """The cluster, as soon as there is one."""
        ...

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called when any of these change; returns what ends that."""
        ...
