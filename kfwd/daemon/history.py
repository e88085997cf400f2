"""The newest things that happened to each entry, kept in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from kfwd.api_model import HistoryItem
from kfwd.model import EntryView, Problem, utcnow

KEPT = 100


class History:
    """Notes each change of state, problem or endpoints that a view shows."""

    def __init__(self) -> None:
        self._items: dict[str, deque[HistoryItem]] = {}
        self._last: dict[str, EntryView] = {}

    def note(self, view: EntryView) -> None:
        items = self._items.setdefault(view.id, deque(maxlen=KEPT))
        items.extend(_happened(self._last.get(view.id), view))
        self._last[view.id] = view

    def of(self, entry: str) -> tuple[HistoryItem, ...]:
        """What is kept about an entry, oldest first."""
        return tuple(self._items.get(entry, ()))

    def forget(self, entry: str) -> None:
        self._items.pop(entry, None)
        self._last.pop(entry, None)


def _happened(old: EntryView | None, new: EntryView) -> Iterator[HistoryItem]:
    if old is None or old.state != new.state:
        yield _item(new.state.value, new.problem.text if new.problem else new.state.value)
    elif _code(old.problem) != _code(new.problem) and new.problem is not None:
        yield _item(new.problem.code, new.problem.text)
    before = {endpoint.label for endpoint in old.endpoints} if old else set()
    after = {endpoint.label for endpoint in new.endpoints}
    for pod in sorted(after - before):
        yield _item("endpoint-added", f"{pod} can be used")
    for pod in sorted(before - after):
        yield _item("endpoint-removed", f"{pod} is used no more")
    if old is not None and new.reconnects > old.reconnects:
        yield _item("reconnect", "the session was lost and opened again")


def _code(problem: Problem | None) -> str | None:
    return problem.code if problem else None


def _item(code: str, text: str) -> HistoryItem:
    return HistoryItem(at=utcnow(), code=code, text=text)
