"""The contexts in use: one `SharedContext` each, however many entries it has."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping
from contextlib import contextmanager

from kfwd.daemon.shared_context import Login, SharedContext
from kfwd.model import (
    ContextRef,
    ContextState,
    ContextView,
    ProblemView,
)
from kfwd.tasks import TaskSet
from kfwd.tunnel.podref import SessionCut
from kfwd.tunnel.transports import Known


def key(ref: ContextRef) -> str:
    """A context as a key of the state file."""
    return f"{os.pathsep.join(ref.kubeconfig)}#{ref.name}"


class Clusters:
    """Lends the contexts. `changed` is called when what `views` says may have changed.

    `known` is which transport works, by `key`; `learned` is called after it was written to.
    `cut` is told of sessions that ended against our will, with their context's name.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        known: MutableMapping[str, Known],
        *,
        changed: Callable[[], None],
        learned: Callable[[], None],
        cut: Callable[[str, SessionCut], None] = lambda context, cut: None,
    ) -> None:
        self._env = env
        self._cut = cut
        self._known = known
        self._changed = changed
        self._learned = learned
        self._contexts: dict[ContextRef, SharedContext] = {}
        self._logins: dict[ContextRef, Login] = {}
        self._retained: frozenset[ContextRef] = frozenset()
        self._borrowed: Counter[ContextRef] = Counter()
        self._tasks = TaskSet("contexts")
        self._closing: set[asyncio.Task[list[str]]] = set()

    def get(self, ref: ContextRef) -> SharedContext:
        """The context; it is opened by the first who asks, and stays until `retain`."""
        if (context := self._contexts.get(ref)) is None:
            context = SharedContext(
                ref,
                self._env,
                known=self._known.get(key(ref)),
                learned=lambda known: self._learn(ref, known),
                on_cut=lambda cut: self._cut(ref.name, cut),
                login=self._logins.pop(ref, None),
            )
            context.on_change(self._changed)
            self._contexts[ref] = context
        return context

    @contextmanager
    def borrow(self, ref: ContextRef) -> Iterator[SharedContext]:
        """The context for a while, whether anything else wants it or not."""
        self._borrowed[ref] += 1
        try:
            yield self.get(ref)
        finally:
            self._borrowed[ref] -= 1
            self.retain(self._retained)

    def retain(self, refs: Collection[ContextRef]) -> None:
        """Close all but these and those that are borrowed."""
        self._retained = frozenset(refs)
        for ref in [ref for ref in self._contexts if ref not in refs and not self._borrowed[ref]]:
            context = self._contexts.pop(ref)
            if context.login is not None:
                self._logins[ref] = context.login
            task = self._tasks.spawn(context.close(), f"close {ref.name}")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        self._changed()

    def refresh(self, *refs: ContextRef) -> None:
        """Have these clusters, or all of them, look again at once."""
        for ref, context in self._contexts.items():
            if context.current is not None and (ref in refs or not refs):
                context.current.refresh()

    def way_changed(self) -> None:
        """Have all clusters look again at once, and trust nothing that was open before."""
        for context in self._contexts.values():
            context.way_changed()

    def states(self) -> list[tuple[ContextRef, ContextState]]:
        """The contexts in use, and how each is."""
        return [(ref, context.view().state) for ref, context in self._contexts.items()]

    def in_use(self) -> dict[ContextRef, ContextView]:
        return {ref: context.view() for ref, context in self._contexts.items()}

    def views(self) -> tuple[list[ContextView], list[ProblemView]]:
        """The contexts in use by name, and what is wrong with them."""
        contexts = sorted(self._contexts.values(), key=lambda context: context.name)
        problems = [problem for context in contexts for problem in context.problems]
        return [context.view() for context in contexts], problems

    async def close(self) -> list[str]:
        """Close all. Returns the names of the tasks that did not stop in time."""
        self._borrowed.clear()
        self.retain(())
        closing = set(self._closing)
        done = (await asyncio.wait(closing))[0] if closing else set()
        return [name for task in done for name in task.result()]

    def _learn(self, ref: ContextRef, known: Known) -> None:
        self._known[key(ref)] = known
        self._learned()
        self._changed()
