"""`kfwd doctor`: which hop is broken, and what to do about it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator

import click
import msgspec

from kfwd import decoding
from kfwd.api_doctor import AnyDoctorEvent, Diagnosis, DoctorQuery, Finding, HopWalked
from kfwd.cli import render
from kfwd.cli.app import App, kubeconfig_option, output_option, pass_app, say
from kfwd.cli.names import EntryName, Named, context_names
from kfwd.cli.status import SEVERITY_STYLE
from kfwd.client import stream, view
from kfwd.errors import DaemonUnreachable

ALONE = (sys.executable, "-P", "-m", "kfwd.daemon.doctor.alone")
STYLE = {
    "ok": render.GREEN,
    "warning": render.YELLOW,
    "broken": render.RED,
    "skipped": render.DIM,
}
STATE_WIDTH, HOP_WIDTH = 9, 12


@click.command(cls=Named)
@click.argument("name", required=False, type=EntryName())
@click.option(
    "--context", metavar="C", shell_complete=context_names, help="Walk the way to this one only."
)
@kubeconfig_option
@output_option("text", "json")
@pass_app
def doctor(
    app: App, name: str | None, context: str | None, kubeconfig: tuple[str, ...], output: str
) -> int:
    """Walk every hop to an entry and name the broken one.

    Without NAME: every context in use and every entry with a problem, each cause once.
    """
    query = DoctorQuery(
        context=context, kubeconfig=app.kubeconfig(kubeconfig), path=app.env.get("PATH")
    )
    try:
        events = _asked(app, name, query)
    except DaemonUnreachable:
        shown(app, _alone(app, query), output)
        raise
    with events:
        return shown(app, events, output)


def _asked(app: App, name: str | None, query: DoctorQuery) -> stream.Stream[AnyDoctorEvent]:
    if name is not None:
        entry = view.entry_id(app.client.snapshot(), name)
        query = msgspec.structs.replace(query, entry=entry)
    return stream.doctor(app.client, query)


def _alone(app: App, query: DoctorQuery) -> Iterator[AnyDoctorEvent]:
    """Without a daemon: the way to the API server, from a process of its own."""
    say("no daemon runs: walking the way to the API server without it")
    decoder = decoding.decoder(AnyDoctorEvent)
    with subprocess.Popen(
        ALONE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(app.env)
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(query))
        process.stdin.close()
        for line in process.stdout:
            yield decoder.decode(line)


def shown(app: App, events: Iterable[AnyDoctorEvent], output: str) -> int:
    """Print hops as they come, and the diagnosis; returns the exit code.

    Raises `DaemonUnreachable` when there is no diagnosis.
    """
    colour = render.colours(sys.stdout, app.env)
    steps: list[HopWalked] = []
    for event in events:
        if isinstance(event, Diagnosis):
            print(as_json(steps, event) if output == "json" else told(event, colour), end="")
            return event.exit_code
        if event.state != "running":
            if output == "text":
                again = steps and steps[-1].about == event.about
                heading = "" if again else f"{render.clean(event.about)}\n"
                print(heading + line(event, colour), end="", flush=True)
            steps.append(event)
    raise DaemonUnreachable("there was no diagnosis: the daemon hung up", hint="kfwd logs")


def as_json(steps: list[HopWalked], diagnosis: Diagnosis) -> str:
    found = {"well": diagnosis.well, "hops": steps, "findings": diagnosis.findings}
    return render.as_json(found)


def line(step: HopWalked, colour: bool) -> str:
    """One hop."""
    gap = " " * (STATE_WIDTH - len(step.state))
    latency = "" if step.latency_ms is None else f" ({step.latency_ms:.1f} ms)"
    state = render.paint(step.state, STYLE[step.state], colour)
    return f"  {state}{gap}{step.hop:<{HOP_WIDTH}}{render.clean(step.text)}{latency}\n"


def told(diagnosis: Diagnosis, colour: bool) -> str:
    """The diagnosis."""
    if diagnosis.well:
        return "\nall is well\n"
    return "\n" + "".join(_finding(finding, colour) for finding in diagnosis.findings)


def _finding(finding: Finding, colour: bool) -> str:
    severity = render.paint(finding.severity, SEVERITY_STYLE[finding.severity], colour)
    code = f" ({finding.code})" if finding.code else ""
    text = render.clean(f"{finding.about}, {finding.hop}: {finding.text}{code}")
    hint = f"  hint: {render.clean(finding.hint)}\n" if finding.hint else ""
    also = f"  also: {render.clean(render.few(finding.also, 5))}\n" if finding.also else ""
    return f"{severity}: {text}\n{hint}{also}"
