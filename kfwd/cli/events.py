"""`kfwd events`: what happened to entries, and, with -f, what happens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

import click

from kfwd.api_history import HistoryItem
from kfwd.cli import render
from kfwd.cli.app import App, output_option, pass_app, say
from kfwd.cli.ls import RETRY_S
from kfwd.cli.names import EntryName, Named
from kfwd.cli.since import Since
from kfwd.client import stream, view
from kfwd.errors import DaemonUnreachable
from kfwd.model import (
    AnyEvent,
    ContextsChanged,
    EntryChanged,
    EntryRemoved,
    EntryView,
    ProblemsChanged,
    Snapshot,
    utcnow,
)

NOTHING = "nothing has happened yet"


@click.command(cls=Named)
@click.argument("name", required=False, type=EntryName())
@click.option("-f", "--follow", is_flag=True, help="Each change as it happens, until Ctrl-C.")
@click.option("--since", type=Since(), help="All since then: 2h, 7d, 2026-11-28T10:00.")
@output_option("text", "json")
@pass_app
def events(app: App, name: str | None, follow: bool, since: datetime | None, output: str) -> None:
    """What happened to entries and contexts, or to one entry. It is kept for 30 days."""
    entry = view.entry_id(app.client.snapshot(), name) if name else None
    if not follow or since:
        items = app.client.history(entry, since).history
        if not items:
            say(f"nothing happened since {render.stamp(since, utcnow())}" if since else NOTHING)
        for item in items:
            print(_json(item) if output == "json" else _text(item), end="")
    if follow:
        _follow(app, entry, output)


def _json(item: HistoryItem) -> str:
    return render.as_line({"id": item.about, "at": item.at, "code": item.code, "text": item.text})


def _text(item: HistoryItem) -> str:
    said = render.clean(f"{item.about}: {item.text}")
    code = "" if item.code == item.text else f" ({item.code})"
    return f"{render.stamp(item.at, utcnow())} {said}{code}\n"


def _follow(app: App, entry: str | None, output: str) -> None:
    for before, event in _happening(app):
        if entry is not None and entry != _about(event):
            continue
        if output == "json":
            print(render.as_line(event), end="", flush=True)
            continue
        for line in changes(before, event):
            print(f"{render.clock(utcnow())} {render.clean(line)}", flush=True)


def _happening(app: App) -> Iterator[tuple[Snapshot | None, AnyEvent]]:
    """Each event and what was known before it, for ever; a daemon that is away is waited for."""
    snapshot: Snapshot | None = None
    while True:
        try:
            with stream.events(app.client) as found:
                for event in found:
                    yield snapshot, event
                    snapshot = view.apply(snapshot, event)
        except DaemonUnreachable as error:
            say(f"{error.text}; trying again")
            time.sleep(RETRY_S)


def _about(event: AnyEvent) -> str | None:
    if isinstance(event, EntryChanged):
        return event.entry.id
    return event.id if isinstance(event, EntryRemoved) else None


def changes(before: Snapshot | None, event: AnyEvent) -> list[str]:
    """In words what is different after `event`; counters are not."""
    if before is None:
        return []
    old = {entry.id: entry for entry in before.entries}
    match event:
        case EntryChanged(entry=entry):
            line = _stands(entry)
            return [] if entry.id in old and _stands(old[entry.id]) == line else [line]
        case EntryRemoved(id=gone):
            return [f"{gone}: removed"]
        case ContextsChanged(contexts=contexts):
            states = {(context.name, context.state) for context in before.contexts}
            moved = [c for c in contexts if (c.name, c.state) not in states]
            return [f"context {context.name}: {context.state}" for context in moved]
        case ProblemsChanged(problems=problems):
            known = {(problem.about, problem.code) for problem in before.problems}
            fresh = [p for p in problems if (p.about, p.code) not in known and p.about not in old]
            return [f"{problem.about}: {problem.text} ({problem.code})" for problem in fresh]
    return []


def _stands(entry: EntryView) -> str:
    problem = f": {entry.problem.text} ({entry.problem.code})" if entry.problem else ""
    pods = ", ".join(endpoint.label for endpoint in entry.endpoints if endpoint.ready)
    return f"{entry.id}: {entry.state}{problem}{f' on {pods}' if pods and not problem else ''}"
