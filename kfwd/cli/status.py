"""`kfwd status`: the daemon, its contexts, and what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime

import click

from kfwd.api_history import AvailabilityList
from kfwd.api_model import UNKNOWN_CALL
from kfwd.cli import render
from kfwd.cli.app import App, output_option, pass_app
from kfwd.errors import KfwdError
from kfwd.model import (
    ContextState,
    ContextView,
    DaemonView,
    ProblemView,
    Severity,
    Snapshot,
    utcnow,
)

CONTEXT_STYLE = {
    ContextState.OK: render.GREEN,
    ContextState.UNREACHABLE: render.RED,
    ContextState.LOGIN_NEEDED: render.YELLOW,
    ContextState.FORBIDDEN: render.YELLOW,
    ContextState.UNKNOWN: render.DIM,
}
SEVERITY_STYLE = {"error": render.RED, "warning": render.YELLOW, "info": render.DIM}


@click.command()
@click.option("--availability", "only", is_flag=True, help="Only how much of the time each served.")
@output_option("table", "json")
@pass_app
def status(app: App, only: bool, output: str) -> None:
    """The daemon, contexts, problems, and how well entries served."""
    if only:
        served = app.client.availability()
        colour = render.colours(sys.stdout, app.env)
        print(render.as_json(served) if output == "json" else availability(served, colour), end="")
        return
    snapshot = app.client.snapshot()
    if output == "json":
        found = {name: getattr(snapshot, name) for name in ("daemon", "contexts", "problems")}
        print(render.as_json(found), end="")
        return
    colour = render.colours(sys.stdout, app.env)
    parts = (
        daemon_line(snapshot.daemon),
        _counts(snapshot),
        _apart(contexts(snapshot.contexts, colour)),
        _apart(availability(_served(app), colour)),
        problems(snapshot.problems, colour),
    )
    print("".join(parts), end="")


def _served(app: App) -> AvailabilityList:
    """Nothing from a daemon that does not know the call; it has been warned about."""
    try:
        return app.client.availability()
    except KfwdError as error:
        if error.code != UNKNOWN_CALL:
            raise
        return AvailabilityList()


def _apart(table: str) -> str:
    return f"\n{table}" if table else ""


def availability(served: AvailabilityList, colour: bool) -> str:
    """A row for each entry of which anything is known."""
    known = [each for each in served.availability if any(w.counted_s for w in each.windows)]
    if not known:
        return ""
    rows: list[list[str | render.Cell]] = [["ENTRY", "SERVED, LAST 24 H", "LAST 30 D"]]
    rows += [[each.id, *(render.share(window.share) for window in each.windows)] for each in known]
    return render.table(rows, colour=colour)


def daemon_line(daemon: DaemonView) -> str:
    up = render.age(daemon.started, utcnow())
    return f"daemon {daemon.version}, pid {daemon.pid}, up {up}, {daemon.socket}\n"


def _counts(snapshot: Snapshot) -> str:
    states: dict[str, int] = {}
    for entry in snapshot.entries:
        states[entry.state.value] = states.get(entry.state.value, 0) + 1
    listed = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    count = len(snapshot.entries)
    noun = "entry" if count == 1 else "entries"
    return f"{count} {noun}{f': {listed}' if listed else ''}\n"


def contexts(found: Sequence[ContextView], colour: bool) -> str:
    if not found:
        return ""
    rows: list[list[str | render.Cell]] = [
        ["CONTEXT", "SERVER", "STATE", "LATENCY", "TRANSPORT", "LOGIN EXPIRES"]
    ]
    for context in found:
        latency, expires = context.latency_ms, context.login_expires
        rows.append(
            [
                context.name,
                context.server,
                render.Cell(context.state.value, CONTEXT_STYLE[context.state]),
                "-" if latency is None else f"{latency:.0f} ms",
                context.transport or "-",
                "-" if expires is None else left(expires, utcnow()),
            ]
        )
    return render.table(rows, colour=colour)


def left(expires: datetime, now: datetime) -> str:
    """How long a login lasts."""
    return f"in {render.age(now, expires)}" if expires > now else "expired"


def problems(found: Sequence[ProblemView], colour: bool) -> str:
    """Each once, with those that have it."""
    if not found:
        return "\nno problems\n"
    alike: dict[tuple[Severity, str, str, str | None], list[str]] = {}
    for each in found:
        alike.setdefault((each.severity, each.code, each.text, each.hint), []).extend(
            (each.about, *each.also)
        )
    lines = []
    for (severity, code, text, hint), names in alike.items():
        painted = render.paint(severity, SEVERITY_STYLE[severity], colour)
        lines.append(f"{painted}: {render.clean(f'{render.few(names)}: {text} ({code})')}\n")
        if hint:
            lines.append(f"  hint: {render.clean(hint)}\n")
    return "\n" + "".join(lines)
