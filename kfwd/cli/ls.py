"""`kfwd ls`: entries and their state. Every start-up millisecond counts here."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence

import click

from kfwd.cli import render
from kfwd.cli.app import App, output_option, pass_app, say
from kfwd.errors import DaemonUnreachable
from kfwd.model import EntryView, PortView, Snapshot, State, utcnow

HEADING = ["ENTRY", "TARGET", "LOCAL", "REMOTE", "STATE", "POD"]
WIDE = ["CONTEXT", "NAMESPACE", "VIA", "CONNS", "IN", "OUT", "RECONNECTS", "AGE"]
CLEAR = "\x1b[H\x1b[2J"
RETRY_S = 1.0


@click.command()
@output_option("table", "wide", "json")
@click.option("-w", "--watch", is_flag=True, help="Show every change until Ctrl-C.")
@pass_app
def ls(app: App, output: str, watch: bool) -> None:
    """Entries and their state."""
    colour = render.colours(sys.stdout, app.env)
    if not watch:
        print(shown(app.client.snapshot(), output, colour), end="")
        return
    clear = CLEAR if sys.stdout.isatty() and output != "json" else ""
    last = None
    for snapshot in _changing(app):
        text = line(snapshot) if output == "json" else shown(snapshot, output, colour)
        if text != last:
            print(clear + text, end="", flush=True)
        last = text


def _changing(app: App) -> Iterator[Snapshot]:
    """Snapshots for ever; a daemon that is away is waited for."""
    from kfwd.cli.wait import snapshots

    yield app.client.snapshot()
    while True:
        try:
            yield from snapshots(app.client, float("inf"))
        except DaemonUnreachable as error:
            say(f"{error.text}; trying again")
            time.sleep(RETRY_S)


def _as_listed(snapshot: Snapshot) -> dict[str, object]:
    return {"instance": snapshot.instance, "seq": snapshot.seq, "entries": snapshot.entries}


def line(snapshot: Snapshot) -> str:
    return render.as_line(_as_listed(snapshot))


def shown(snapshot: Snapshot, output: str, colour: bool) -> str:
    """The whole output of one `ls`."""
    if output == "json":
        return render.as_json(_as_listed(snapshot))
    if not snapshot.entries:
        return "no entries: kfwd up, or kfwd add svc/NAME 8080:http\n"
    wide = output == "wide"
    heading = [*HEADING, *(WIDE if wide else [])]
    problems = any(entry.problem for entry in snapshot.entries)
    rows = [row for entry in snapshot.entries for row in _rows(entry, wide, problems)]
    heading += ["PROBLEM"] if problems else []
    return render.table([heading, *rows], colour=colour) + "".join(_remarks(snapshot))


def _remarks(snapshot: Snapshot) -> Iterator[str]:
    """What no entry has as its problem, though it is worth knowing about all of a context."""
    contexts = {entry.context for entry in snapshot.entries}
    for problem in snapshot.problems:
        if problem.severity == "info" and problem.about in contexts:
            yield f"\n{render.clean(problem.about)}: {render.clean(problem.text)}\n"


def _rows(entry: EntryView, wide: bool, problems: bool) -> Iterator[Sequence[str | render.Cell]]:
    """A row for each port; what is said of the entry stands in the first."""
    first, *others = entry.ports or (PortView(listen=(), remote=None, port=None),)
    row: list[str | render.Cell] = [
        entry.id,
        entry.target or "-",
        render.listening(first.listen),
        first.remote or "-",
        state(entry),
        _pods(entry),
    ]
    row += _wide(entry) if wide else []
    row += [entry.problem.text if entry.problem else ""] if problems else []
    yield row
    for port in others:
        rest = [""] * (len(row) - 4)
        yield ["", "", render.listening(port.listen), port.remote or "-", *rest]


def state(entry: EntryView) -> render.Cell:
    """`ready`, or `waiting: no-endpoints` where a problem stands."""
    text = entry.state.value
    if entry.problem is not None and entry.state is not State.READY:
        text = f"{text}: {entry.problem.code}"
    return render.Cell(text, render.STATE_STYLE.get(entry.state, ""))


def _pods(entry: EntryView) -> str:
    pods = [endpoint.label for endpoint in entry.endpoints]
    return f"{pods[0]} +{len(pods) - 1}" if len(pods) > 1 else "".join(pods) or "-"


def _wide(entry: EntryView) -> list[str]:
    via = "/".join(part for part in (entry.via, entry.transport) if part)
    return [
        entry.context,
        entry.namespace,
        via or "-",
        f"{entry.connections.open}/{entry.connections.total}",
        render.size(entry.bytes.received),
        render.size(entry.bytes.sent),
        str(entry.reconnects),
        render.age(entry.since, utcnow()),
    ]
