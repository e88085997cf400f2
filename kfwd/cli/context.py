"""`kfwd context list|switch`."""

from __future__ import annotations

import sys

import click

from kfwd.api_contexts import ContextList, SwitchRequest
from kfwd.cli import render
from kfwd.cli.app import App, Group, kubeconfig_option, output_option, pass_app
from kfwd.cli.names import context_names
from kfwd.cli.status import CONTEXT_STYLE
from kfwd.cli.up import print_plan


@click.group(cls=Group)
def context() -> None:
    """Kubeconfig contexts, and entries from one to another."""


@context.command("list")
@kubeconfig_option
@output_option("table", "json")
@pass_app
def list_(app: App, kubeconfig: tuple[str, ...], output: str) -> None:
    """The contexts of your kubeconfig and those in use."""
    files = app.kubeconfig(kubeconfig)
    app.ensure_daemon()
    found = app.client.contexts(files)
    if output == "json":
        print(render.as_json(found), end="")
    else:
        print(as_table(found, render.colours(sys.stdout, app.env)), end="")


@context.command()
@click.argument("source", metavar="FROM", shell_complete=context_names)
@click.argument("to", metavar="TO", shell_complete=context_names)
@click.option(
    "--end-connections/--keep-connections",
    "end",
    help="Whether open connections end, or stay until they end by themselves (the default).",
)
@kubeconfig_option
@output_option("table", "json")
@pass_app
def switch(
    app: App, *, source: str, to: str, end: bool, kubeconfig: tuple[str, ...], output: str
) -> None:
    """Move entries from one context to another; their ports stay bound.

    All of them or none: nothing moves when something they stand for is not there. Profiles stay
    where they were moved to until `kfwd down`, or until their file names another context.
    """
    files = app.kubeconfig(kubeconfig)
    request = SwitchRequest(source=source, to=to, end=end, kubeconfig=files)
    print_plan(app, app.client.switch(request), output)


def as_table(found: ContextList, colour: bool) -> str:
    """A line a context; `*` is the current one."""
    rows: list[list[str | render.Cell]] = [["", "CONTEXT", "SERVER", "STATE", "ENTRIES"]]
    for each in found.contexts:
        state = render.Cell(each.state, CONTEXT_STYLE[each.state])
        rows.append(
            [
                "*" if each.current else " ",
                each.name,
                each.server or "-",
                state if each.in_use else render.Cell("not in use", render.DIM),
                str(each.entries),
            ]
        )
    return render.table(rows, colour=colour)
