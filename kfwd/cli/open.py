"""`kfwd open`: the best URL of an entry or a target, in the browser."""

from __future__ import annotations

import click

from kfwd.cli import add
from kfwd.cli.app import App, kubeconfig_option, pass_app, say
from kfwd.cli.names import EntryName, Named, context_option
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
@context_option
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
    """Open the best URL of an entry or a target in the browser.

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
    if (route := ways.best(found.routes)) is not None:
        url = ways.url_of(route)
        return url if ways.is_web(route) else _by_asking(route.address, url)
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
    """Its URL on this machine."""
    return link(entry) or _by_asking(local_address(entry), local_url(entry))


def _by_asking(address: str, url: str) -> str:
    """What no port number tells is found out; `url` is right if this is a web page."""
    scheme = knock.scheme(address)
    return url if url.startswith(f"{scheme}:") else f"{scheme}://{address}"


def _browse(url: str) -> None:
    if not url.startswith("http"):
        say("a browser cannot show this: it is for other programs")
        return
    import webbrowser

    if not webbrowser.open(url):
        say("no browser can be started here: open the address yourself")
