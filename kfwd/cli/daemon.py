"""`kfwd daemon run|start|stop|restart|status`."""

from __future__ import annotations

import time

import click

from kfwd.api_handover import HANDOVER_PROTOCOL, HANDOVER_UNSUPPORTED, HandoverRequest
from kfwd.api_model import UNKNOWN_CALL
from kfwd.cli import render
from kfwd.cli.app import App, Group, output_option, pass_app, say
from kfwd.errors import DaemonUnreachable, KfwdError

STOP_WITHIN_S = 10.0
PAUSE_S = 0.02


@click.group(cls=Group)
def daemon() -> None:
    """The background process that holds the ports."""


@daemon.command()
@click.option("--take-over", type=int, hidden=True, help="A descriptor that leads to the old one.")
@click.option("--service", is_flag=True, help="Use the PATH and proxy variables as recorded.")
def run(take_over: int | None, service: bool) -> int:
    """Run the daemon in the foreground, as a service manager wants it."""
    from kfwd.cli.main import run_daemon

    return run_daemon(take_over, record=not service)


@daemon.command()
@pass_app
def start(app: App) -> None:
    """Start the daemon in the background; nothing happens if one runs."""
    if app.client.answers():
        print(f"already running, pid {app.client.snapshot().daemon.pid}")
        return
    app.ensure_daemon()
    print(f"running, pid {app.client.snapshot().daemon.pid}")


@daemon.command()
@pass_app
def stop(app: App) -> None:
    """Stop the daemon. What was up comes up again with the next one."""
    try:
        print(f"stopped, pid was {stop_daemon(app)}")
    except DaemonUnreachable as error:
        error.hint = None  # nobody who wants it stopped wants to start it
        raise


@daemon.command()
@pass_app
def restart(app: App) -> None:
    """Replace the daemon by a new one, without a port let go.

    The new one has this shell's environment. Starts one if none runs. Connections that are open
    end with the old one, within a minute.
    """
    if app.client.answers() and not _handed_over(app):
        stop_daemon(app)
    app.ensure_daemon()
    print(f"running, pid {app.client.snapshot().daemon.pid}")


@daemon.command()
@output_option("text", "json")
@pass_app
def status(app: App, output: str) -> None:
    """Whether a daemon runs: exit status 3 if not."""
    found = app.client.snapshot().daemon
    if output == "json":
        print(render.as_json(found), end="")
        return
    from kfwd.cli.status import daemon_line

    print(daemon_line(found), end="")


def _handed_over(app: App) -> bool:
    """Have the daemon start its successor; False if the two do not speak the same protocol."""
    from kfwd.service.start import COMMAND

    request = HandoverRequest(
        protocol=HANDOVER_PROTOCOL, command=COMMAND, environment=dict(app.env)
    )
    try:
        app.client.hand_over(request)
    except KfwdError as error:
        if error.code not in (UNKNOWN_CALL, HANDOVER_UNSUPPORTED):
            raise
        say(f"{error.text}: it is stopped and started, and refuses connections in between")
        return False
    return True


def stop_daemon(app: App) -> int:
    """Ask the daemon to stop and wait until it has; returns its process id."""
    pid = app.client.stop().pid
    deadline = time.monotonic() + STOP_WITHIN_S
    while _runs(pid):
        if time.monotonic() > deadline:
            raise KfwdError(
                f"the daemon (pid {pid}) is still there after {STOP_WITHIN_S:g} s",
                hint=f"kill {pid}, and see kfwd logs",
            )
        time.sleep(PAUSE_S)
    return pid


def _runs(pid: int) -> bool:
    import os

    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _zombie(pid)


def _zombie(pid: int) -> bool:
    """Ended, but not yet waited for by whoever started it."""
    from pathlib import Path

    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False
