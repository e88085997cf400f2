"""`kfwd routes`: every way to a target, tried from here."""

from __future__ import annotations

import sys

import click

from kfwd.api_model import RouteList, RoutesRequest, RouteView
from kfwd.cli import render
from kfwd.cli.app import App, kubeconfig_option, output_option, pass_app
from kfwd.cli.names import context_option

HEADING = ["ROUTE", "STATE", "ADDRESS", "LAYER", "LATENCY", "NOTE"]
STYLE = {
    "works": render.GREEN,
    "fails": render.RED,
    "pending": render.YELLOW,
    "unknown": render.YELLOW,
}


@click.command()
@click.argument("target", metavar="TARGET[:PORT]")
@click.option("-n", "--namespace", metavar="NS", help="Default: the context's.")
@context_option
@kubeconfig_option
@output_option("table", "json")
@pass_app
def routes(
    app: App,
    *,
    target: str,
    namespace: str | None,
    context: str | None,
    kubeconfig: tuple[str, ...],
    output: str,
) -> None:
    """Every way to reach TARGET, tried from here, the best first."""
    found = asked(app, target, namespace, context, kubeconfig)
    if output == "json":
        print(render.as_json(found), end="")
    else:
        print(as_table(found, render.colours(sys.stdout, app.env)), end="")


def asked(
    app: App,
    target: str,
    namespace: str | None,
    context: str | None,
    kubeconfig: tuple[str, ...],
) -> RouteList:
    """What the daemon finds; it is started if none runs."""
    app.ensure_daemon()
    request = RoutesRequest(
        target=target,
        namespace=namespace,
        context=context,
        kubeconfig=app.kubeconfig(kubeconfig),
    )
    return app.client.routes(request)


def as_table(found: RouteList, colour: bool) -> str:
    return render.table([HEADING, *(_row(route) for route in found.routes)], colour=colour)


def _row(route: RouteView) -> list[str | render.Cell]:
    latency = "-" if route.latency_ms is None else f"{route.latency_ms:.1f} ms"
    state = render.Cell(route.state, STYLE[route.state])
    return [route.kind, state, route.address, str(route.layer), latency, route.note]
