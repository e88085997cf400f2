"""`kfwd up`, `down` and `plan`: profiles as a whole."""

from __future__ import annotations

import click

from kfwd.api_model import Plan
from kfwd.cli import render
from kfwd.cli.app import (
    App,
    Seconds,
    kubeconfig_option,
    output_option,
    pass_app,
)
from kfwd.cli.names import profile_names
from kfwd.cli.wait import until_ready

SIGNS = {
    "stop": render.Cell("-", render.RED),
    "start": render.Cell("+", render.GREEN),
    "change": render.Cell("~", render.YELLOW),
    "leave": render.Cell("=", render.DIM),
}
_profiles = click.argument(
    "profiles", nargs=-1, metavar="[PROFILE]...", shell_complete=profile_names
)


@click.command()
@_profiles
@click.option("--wait", "wait_s", type=Seconds(), metavar="SECONDS", help="Wait until ready.")
@kubeconfig_option
@output_option("table", "json")
@pass_app
def up(
    app: App,
    profiles: tuple[str, ...],
    wait_s: float | None,
    kubeconfig: tuple[str, ...],
    output: str,
) -> None:
    """Bring profiles up: all enabled ones if none is named. Starts the daemon if none runs."""
    files = app.kubeconfig(kubeconfig)
    app.ensure_daemon()
    plan = app.client.up(profiles, files)
    print_plan(app, plan, output)
    if wait_s is not None:
        until_ready(app.client, [i.id for i in plan.items if i.action != "stop"], wait_s)


@click.command()
@_profiles
@click.option("--all", "everything", is_flag=True, help="All profiles, and ad-hoc entries too.")
@output_option("table", "json")
@pass_app
def down(app: App, profiles: tuple[str, ...], everything: bool, output: str) -> None:
    """Take profiles down: their ports are free afterwards."""
    if bool(profiles) == everything:
        raise click.UsageError("name profiles, or say --all")
    print_plan(app, app.client.down(profiles, everything=everything), output)


@click.command()
@_profiles
@kubeconfig_option
@output_option("table", "json")
@pass_app
def plan(app: App, profiles: tuple[str, ...], kubeconfig: tuple[str, ...], output: str) -> None:
    """What `up` would stop, start, change and leave."""
    print_plan(app, app.client.plan(profiles, app.kubeconfig(kubeconfig)), output)


def print_plan(app: App, plan: Plan, output: str) -> None:
    if output == "json":
        print(render.as_json(plan), end="")
        return
    import sys

    colour = render.colours(sys.stdout, app.env)
    rows = [[SIGNS[item.action], item.action, item.id, item.text] for item in plan.items]
    print(render.table([["", "ACTION", "ENTRY", ""], *rows] if rows else [], colour=colour), end="")
    if not rows:
        print("nothing to do")
