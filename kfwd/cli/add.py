"""`kfwd add`: an ad-hoc forward, or with --save one more in a profile's file."""

from __future__ import annotations

import time

import click

from kfwd.cli import render
from kfwd.cli.app import (
    App,
    Seconds,
    kubeconfig_option,
    output_option,
    pass_app,
)
from kfwd.cli.names import context_option, profile_names
from kfwd.cli.wait import snapshots, until_ready
from kfwd.errors import NotFound
from kfwd.model import EntryView, ForwardSpec, State
from kfwd.profiles.forwards import forward

SHOW_WITHIN_S = 2.0


@click.command()
@click.argument("target")
@click.argument("ports", nargs=-1, required=True, metavar="[LOCAL:]REMOTE...")
@click.option("-n", "--namespace", metavar="NS", help="Default: the context's.")
@context_option
@click.option("--name", metavar="N", help="Default: the target's.")
@click.option("--address", multiple=True, metavar="A", help="Default: localhost.")
@click.option(
    "--spread",
    metavar="POLICY",
    help="first (the default), round-robin, least-connections or sticky.",
)
@click.option("--via", metavar="WAY", help="tunnel (the default) or direct.")
@click.option("--save", metavar="PROFILE", shell_complete=profile_names, help="Add it to a file.")
@click.option("--wait", "wait_s", type=Seconds(), metavar="S", help="Wait until it is ready.")
@kubeconfig_option
@output_option("text", "json")
@pass_app
def add(
    app: App,
    *,
    target: str,
    ports: tuple[str, ...],
    namespace: str | None,
    context: str | None,
    name: str | None,
    address: tuple[str, ...],
    spread: str | None,
    via: str | None,
    save: str | None,
    wait_s: float | None,
    kubeconfig: tuple[str, ...],
    output: str,
) -> None:
    """Forward local ports to TARGET: svc/web, pod/x or app=web.

    A port is LOCAL:REMOTE, or one number for both, or :REMOTE for a free local port.
    """
    spec = forward(
        target, ports, namespace=namespace, name=name, address=address, spread=spread, via=via
    )
    files = app.kubeconfig(kubeconfig)
    if save is not None:
        entry = _save(app, save, spec, context, files, named=name is not None)
    else:
        entry = put(app, spec, context, files, named=name is not None)
    if wait_s is not None:
        until_ready(app.client, [entry], wait_s)
    view = _as_it_is(app, entry)
    print(render.as_json(view) if output == "json" else said(view), end="")


def put(
    app: App, spec: ForwardSpec, context: str | None, kubeconfig: tuple[str, ...], *, named: bool
) -> str:
    """Add an ad-hoc entry; returns its id. The name of one that is not `named` may get a number."""
    from kfwd.api_model import EntryRequest

    app.ensure_daemon()
    request = EntryRequest(spec=spec, kubeconfig=kubeconfig, context=context)
    return app.client.put_entry(spec.name, request, "fail" if named else "next").id


def _save(
    app: App,
    profile: str,
    spec: ForwardSpec,
    context: str | None,
    kubeconfig: tuple[str, ...],
    *,
    named: bool,
) -> str:
    """Write the file, then bring its profile up."""
    from kfwd.profiles import saving

    with saving.saved(app.paths.profiles, profile, [spec], context, named=named) as (entry,):
        app.ensure_daemon()
        app.client.up([profile], kubeconfig)
    return entry


def _as_it_is(app: App, entry: str) -> EntryView:
    """The entry as soon as its ports are known, or as it is after a moment."""
    found = None
    for snapshot in snapshots(app.client, time.monotonic() + SHOW_WITHIN_S):
        found = next((one for one in snapshot.entries if one.id == entry), found)
        if found and (found.state is not State.STARTING or all(p.listen for p in found.ports)):
            break
    if found is None:
        raise NotFound(f'entry "{entry}" was removed', code="no-entry")
    return found


def said(entry: EntryView) -> str:
    """A line for each port, and the problem with its hint if there is one."""
    lines = [
        f"{entry.id}: {render.listening(port.listen)} -> {entry.target} {port.remote}\n"
        for port in entry.ports
    ]
    if entry.problem is not None:
        lines.append(f"{entry.id}: {entry.state}: {render.clean(entry.problem.text)}\n")
        if entry.problem.hint:
            lines.append(f"  hint: {render.clean(entry.problem.hint)}\n")
    return "".join(lines)
