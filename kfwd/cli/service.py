"""`kfwd service install|uninstall|status`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kfwd.cli import render
from kfwd.cli.app import App, Group, output_option, pass_app, say
from kfwd.errors import ExitCode

if TYPE_CHECKING:
    from kfwd.service.manage import ServiceView
    from kfwd.service.manager import Manager

force_option = click.option("--force", is_flag=True, help="Also when a file was changed by hand.")


@click.group(cls=Group)
def service() -> None:
    """The daemon as a service of systemd or launchd."""


@service.command()
@click.option(
    "--socket", is_flag=True, help="systemd holds the control socket; a command starts the daemon."
)
@click.option(
    "--allow-setuid",
    is_flag=True,
    help="For login plugins that are snaps or use sudo: harden less.",
)
@force_option
@pass_app
def install(app: App, socket: bool, allow_setuid: bool, force: bool) -> None:
    """Write the service, start it now and with every login.

    It is started again when it fails. This shell's PATH and proxy variables are recorded for
    login plugins.
    """
    from kfwd.service import manage
    from kfwd.service.manager import Options

    manager = manage.find(app.env)
    options = Options(sockets=socket, privileges=allow_setuid)
    changed = manage.install(
        manager,
        app.paths,
        app.env,
        options,
        force=force,
        make_way=lambda: _make_way(app, manager),
    )
    manager.start()
    found = manage.status(manager, app.paths)
    print(f"{'installed' if changed else 'already installed'}: {found.file}")
    print(f"running, pid {found.pid}")
    if _needs_lingering(found, app):
        say("it ends when you log out")
        hint = "`loginctl enable-linger` keeps it running, and starts it with the machine"
        click.echo(f"hint: {hint}", err=True)


@service.command()
@force_option
@pass_app
def uninstall(app: App, force: bool) -> None:
    """Stop the service and remove it. What was up comes up again with the next daemon."""
    from kfwd.service import manage

    manager = manage.find(app.env)
    was = manage.uninstall(manager, force=force)
    print(f"removed: {manager.files[0]}" if was else "not installed")


@service.command()
@output_option("text", "json")
@pass_app
def status(app: App, output: str) -> int:
    """Whether the service is installed and runs. Exit status 3 if it does not run."""
    from kfwd.service import manage

    found = manage.status(manage.find(app.env), app.paths)
    print(render.as_json(found) if output == "json" else _told(found), end="")
    return ExitCode.OK if found.pid else ExitCode.NO_DAEMON


def _make_way(app: App, manager: Manager) -> None:
    """Stop a daemon that the service manager does not look after: there can be one only."""
    if not app.client.answers():
        return
    if app.client.snapshot().daemon.pid == manager.running().pid:
        return
    from kfwd.cli.daemon import stop_daemon

    say(f"stopped the daemon with pid {stop_daemon(app)}, so that the service can start")


def _needs_lingering(found: ServiceView, app: App) -> bool:
    """Whether logging out ends it: never on a desktop, whose session lasts."""
    desktop = app.env.get("DISPLAY") or app.env.get("WAYLAND_DISPLAY")
    return found.lingers is False and (not desktop or "SSH_CONNECTION" in app.env)


def _told(found: ServiceView) -> str:
    if not found.installed:
        return f"not installed: {found.file} is not there\n"
    pid = f", pid {found.pid}" if found.pid else ""
    lines = [f"{found.manager}: {found.state}{pid}", f"file: {Path(found.file)}"]
    if found.edited:
        lines.append("changed by hand since it was installed")
    elif not found.current:
        lines.append("not as this version would write it: `kfwd service install`")
    if not found.enabled:
        lines.append("not started on login: `kfwd service install`")
    return "\n".join(lines) + "\n"
