"""`kfwd login`: a context's login plugin in this terminal, its credential for the daemon."""

from __future__ import annotations

import click

from kfwd.cli import render
from kfwd.cli.app import App, kubeconfig_option, output_option, pass_app
from kfwd.cli.names import context_names
from kfwd.errors import LoginNeeded


@click.command()
@click.argument("context", required=False, shell_complete=context_names)
@kubeconfig_option
@output_option("text", "json")
@pass_app
def login(app: App, context: str | None, kubeconfig: tuple[str, ...], output: str) -> int:
    """Log in to CONTEXT with its login plugin, in this terminal.

    Default: the context that needs a login, else the current one.
    """
    from kfwd.client import login as logins

    result = logins.log_in(app.client, context, app.kubeconfig(kubeconfig), app.env)
    if result is None:
        return LoginNeeded.exit_code
    print(render.as_json(result) if output == "json" else f"{logins.told(result)}\n", end="")
    return 0
