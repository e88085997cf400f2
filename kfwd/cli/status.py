"""`kfwd status`: the daemon, its contexts, and what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime

import click

from kfwd.cli import render
from kfwd.cli.app import App, output_option, pass_app
from kfwd.model import ContextState, ContextView, DaemonView, ProblemView, Snapshot, utcnow

CONTEXT_STYLE = {
    ContextState.OK: render.GREEN,
    ContextState.UNREACHABLE: render.RED,
    ContextState.LOGIN_NEEDED: render.YELLOW,
    ContextState.FORBIDDEN: render.YELLOW,
    ContextState.UNKNOWN: render.DIM,
}
SEVERITY_STYLE = {"error": render.RED, "warning": render.YELLOW, "info": render.DIM}


@click.command()
@output_option("table", "json")
@pass_app
def status(app: App, output: str) -> None:
    """The daemon, contexts, and problems."""
    snapshot = app.client.snapshot()
    if output == "json":
        found = {name: getattr(snapshot, name) for name in ("daemon", "contexts", "problems")}
        print(render.as_json(found), end="")
        return
    colour = render.colours(sys.stdout, app.env)
    parts = (daemon_line(snapshot.daemon), _counts(snapshot), contexts(snapshot.contexts, colour))
    print("".join(parts) + problems(snapshot.problems, colour), end="")


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
    return "\n" + render.table(rows, colour=colour)


def left(expires: datetime, now: datetime) -> str:
    """How long a login lasts."""
    return f"in {render.age(now, expires)}" if expires > now else "expired"


def problems(found: Sequence[ProblemView], colour: bool) -> str:
    if not found:
        return "\nno problems\n"
    lines = []
    for problem in found:
        severity = render.paint(problem.severity, SEVERITY_STYLE[problem.severity], colour)
        said = render.clean(f"{problem.about}: {problem.text} ({problem.code})")
        lines.append(f"{severity}: {said}\n")
        if problem.hint:
            lines.append(f"  hint: {render.clean(problem.hint)}\n")
    return "\n" + "".join(lines)
