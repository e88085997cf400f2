"""`kfwd open`: the best URL of an entry or a target, in the browser."""

from __future__ import annotations

from collections.abc import Iterable

import click

from kfwd.api_model import RouteList, RouteView
from kfwd.cli import add
from kfwd.cli.app import App, kubeconfig_option, pass_app, say
from kfwd.cli.names import EntryName, Named
from kfwd.cli.routes import asked
from kfwd.cli.wait import until_ready
from kfwd.client import view
from kfwd.client.address import local_url, url
from kfwd.errors import KfwdError, NotFound
from kfwd.model import EntryView
from kfwd.profiles.forwards import forward

WITHOUT_URL = {"port-forward", "api-proxy"}
READY_S = 20.0


@click.command("open", cls=Named)
@click.argument("what", metavar="NAME|TARGET[:PORT]", type=EntryName())
@click.option("-n", "--namespace", metavar="NS", help="Default: the context's.")
@click.option("--context", metavar="C", help="Default: the current context.")
@click.option("--print", "only_print", is_flag=True, help="Print the URL, open nothing.")
@kubeconfig_option
@pass_app
def open_(
    app: App,
    *,
    what: str,
    namespace: str | None,
    context: str | None,
    only_print: bool,
    kubeconfig: tuple[str, ...],
) -> None:
    """Open the best URL of an entry, or of a target, in the browser.

    Where only a port-forward leads to the target, one is added.
    """
    app.ensure_daemon()
    entry = _entry(app, what)
    if entry is not None:
        url = local_url(entry)
    elif "/" in what or "=" in what:
        url = _of_target(app, what, namespace, context, kubeconfig)
    else:
        raise NotFound(
            f'there is no entry "{what}"', hint=f"name a target, as in svc/{what}", code="no-entry"
        )
    print(url)
    if not only_print:
        _browse(url)


def _entry(app: App, name: str) -> EntryView | None:
    snapshot = app.client.snapshot()
    try:
        id_ = view.entry_id(snapshot, name)
    except NotFound:
        return None
    return next(entry for entry in snapshot.entries if entry.id == id_)


def _of_target(
    app: App,
    target: str,
    namespace: str | None,
    context: str | None,
    kubeconfig: tuple[str, ...],
) -> str:
    found = asked(app, target, namespace, context, kubeconfig)
    if (url := best_url(found.routes)) is not None:
        return url
    what, port = forwardable(found)
    spec = forward(what, [f":{port}"], namespace=namespace)
    entry = add.put(app, spec, context, app.kubeconfig(kubeconfig), named=False)
    say(f"nothing but a port-forward leads to {what}: added {entry}")
    until_ready(app.client, [entry], READY_S)
    added = _entry(app, entry)
    if added is None:
        raise NotFound(f'entry "{entry}" was removed', code="no-entry")
    return local_url(added)


def best_url(routes: Iterable[RouteView]) -> str | None:
    """The URL of the first route that works and that a browser can use."""
    usable = (route for route in routes if route.state == "works" and route.kind not in WITHOUT_URL)
    return next((url_of(route) for route in usable), None)


def url_of(route: RouteView) -> str:
    """A route's own URL, or that of its address."""
    if route.layer == 7:
        return route.address
    return url(route.address, route.address.rpartition(":")[2])


def forwardable(found: RouteList) -> tuple[str, str]:
    """The target and the port that a forward can be made to. Raises `KfwdError` with the reason."""
    ways = [route for route in found.routes if route.kind == "port-forward"]
    works = next((route for route in ways if route.state == "works"), None)
    if works is None:
        why = next((route.note for route in ways), "there is no route to it")
        raise KfwdError(
            f"{found.target} cannot be reached from here: {why}",
            hint=f"kfwd routes {found.target} shows every way",
            code="no-route",
        )
    target, _, port = works.address.rpartition(":")
    return target, port


def _browse(url: str) -> None:
    import webbrowser

    if not webbrowser.open(url):
        say("no browser can be started here: open the address yourself")
