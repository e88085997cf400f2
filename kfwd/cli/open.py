"""`kfwd open`: the best URL of an entry or a target, in the browser."""

from __future__ import annotations

import click

from kfwd.cli import add
from kfwd.cli.app import App, kubeconfig_option, pass_app, say
from kfwd.cli.names import EntryName, Named
from kfwd.cli.routes import asked
from kfwd.cli.wait import until_ready
from kfwd.client import knock, view, ways
from kfwd.client.address import local_address, local_url
from kfwd.client.copies import link
from kfwd.errors import NotFound
from kfwd.model import EntryView
from kfwd.profiles.forwards import forward
from kfwd.text import clean

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
        url = _local(entry)
    elif "/" in what or "=" in what:
        url = _of_target(app, what, namespace, context, kubeconfig)
    else:
        raise NotFound(
            f'there is no entry "{what}"', hint=f"name a target, as in svc/{what}", code="no-entry"
        )
    print(clean(url))
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
    if (url := ways.best_url(found.routes)) is not None:
        return url
    what, port = ways.forwardable(found)
    spec = forward(what, [f":{port}"], namespace=namespace)
    entry = add.put(app, spec, context, app.kubeconfig(kubeconfig), named=False)
    say(f"nothing but a port-forward leads to {what}: added {entry}")
    until_ready(app.client, [entry], READY_S)
    added = _entry(app, entry)
    if added is None:
        raise NotFound(f'entry "{entry}" was removed', code="no-entry")
    return _local(added)


def _local(entry: EntryView) -> str:
    """Its URL on this machine; what no port number tells is found out by asking."""
    if (known := link(entry)) is not None:
        return known
    url = local_url(entry)
    scheme = knock.scheme(local_address(entry))
    return url if url.startswith(f"{scheme}:") else f"{scheme}://{local_address(entry)}"


def _browse(url: str) -> None:
    if not url.startswith("http"):
        say("a browser cannot show this: it is for other programs")
        return
    import webbrowser

    if not webbrowser.open(url):
        say("no browser can be started here: open the address yourself")
