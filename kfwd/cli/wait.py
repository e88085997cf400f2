"""`kfwd wait`, and waiting for other commands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import click

from kfwd.cli.app import App, Seconds, pass_app
from kfwd.cli.names import EntryName, Named
from kfwd.client import stream, view
from kfwd.client.calls import Client
from kfwd.errors import DENIED_CODES, Forbidden, KfwdError, NotFound, NotReady
from kfwd.model import EntryView, Snapshot, State

TIMEOUT_S = 60.0


@click.command(cls=Named)
@click.argument("names", nargs=-1, required=True, metavar="NAME...", type=EntryName())
@click.option(
    "--timeout", "timeout_s", type=Seconds(), default=TIMEOUT_S, metavar="S", help="Default: 60s."
)
@pass_app
def wait(app: App, names: tuple[str, ...], timeout_s: float) -> None:
    """Wait until entries are ready.

    Exit status 6 if they are not in time, 7 at once if a rule forbids it.
    """
    ids = view.entry_ids(app.client.snapshot(), names)
    until_ready(app.client, ids, timeout_s)


def until_ready(client: Client, ids: Sequence[str], timeout_s: float) -> None:
    """Return once every one of `ids` is ready.

    Raises `NotReady` at once where one needs a person (`Forbidden` where that is to grant
    something), else after `timeout_s` seconds; `NotFound` where one is removed meanwhile.
    """
    last: Snapshot | None = None
    for last in snapshots(client, time.monotonic() + timeout_s):
        if not late(last, ids):
            return
        if failed := [entry for entry in late(last, ids) if entry.state is State.FAILED]:
            raise _not_ready(failed, timeout_s)
    if last is None:
        raise NotReady(f"the daemon did not say within {timeout_s:g} s what is ready")
    raise _not_ready(late(last, ids), timeout_s)


def snapshots(
    client: Client, deadline: float, clock: Callable[[], float] = time.monotonic
) -> Iterator[Snapshot]:
    """The current snapshot, and each later one, until `deadline`. Connects again when cut off."""
    snapshot: Snapshot | None = None
    while clock() < deadline:
        with stream.events(client) as events:
            events.limit(deadline - clock())
            for event in events:
                snapshot = view.apply(snapshot, event)
                if snapshot is not None:
                    yield snapshot
                if clock() >= deadline:
                    return
                events.limit(deadline - clock())


def late(snapshot: Snapshot, ids: Sequence[str]) -> list[EntryView]:
    """Those of `ids` that are not ready."""
    known = {entry.id: entry for entry in snapshot.entries}
    for one in ids:
        if one not in known:
            raise NotFound(f'entry "{one}" was removed', code="no-entry")
    return [known[one] for one in ids if known[one].state is not State.READY]


def _not_ready(entries: Sequence[EntryView], timeout_s: float) -> KfwdError:
    first = entries[0]
    others = f" (and {len(entries) - 1} more)" if len(entries) > 1 else ""
    when = "" if first.state is State.FAILED else f" after {timeout_s:g} s"
    why = f": {first.problem.text}" if first.problem else ""
    mend = f"kfwd resume {first.id}" if first.state is State.PAUSED else "kfwd status"
    hint = (first.problem and first.problem.hint) or mend
    denied = first.state is State.FAILED and first.problem and first.problem.code in DENIED_CODES
    kind = Forbidden if denied else NotReady
    return kind(f"{first.id} is {first.state}{when}{why}{others}", hint=hint)
