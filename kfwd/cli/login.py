"""`kfwd login`: a context's login plugin in this terminal, its credential for the daemon."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import click

from kfwd.api_model import LoginRequest, LoginResult, LoginTarget
from kfwd.cli import render
from kfwd.cli.app import App, kubeconfig_option, output_option, pass_app
from kfwd.cli.names import context_names
from kfwd.errors import LoginNeeded
from kfwd.model import ContextState, utcnow

PLUGIN = (sys.executable, "-P", "-m", "kfwd.kube.plugin_terminal")
NOT_STARTED = 126
"""Exit status of `PLUGIN` when it has said itself why there was nothing to run."""

MAX_CREDENTIAL = 256 * 1024


@click.command()
@click.argument("context", required=False, shell_complete=context_names)
@kubeconfig_option
@output_option("text", "json")
@pass_app
def login(app: App, context: str | None, kubeconfig: tuple[str, ...], output: str) -> int:
    """Log in to CONTEXT with its login plugin, in this terminal.

    Default: the context that needs a login, else the current one.
    """
    target = app.client.login_target(context, app.kubeconfig(kubeconfig))
    credential = printed(target, app.env)
    if credential is None:
        return LoginNeeded.exit_code
    request = LoginRequest(
        context=target.context, kubeconfig=target.kubeconfig, credential=credential
    )
    result = app.client.login(request)
    print(render.as_json(result) if output == "json" else _told(result), end="")
    return 0


def printed(target: LoginTarget, env: Mapping[str, str]) -> str | None:
    """What the plugin prints; it talks and asks in this terminal. None: it could not be started.

    Raises `LoginNeeded` when it fails.
    """
    process = subprocess.Popen(
        [*PLUGIN, target.context, *target.kubeconfig], stdout=subprocess.PIPE, env=dict(env)
    )
    with process:
        assert process.stdout is not None
        said = process.stdout.read(MAX_CREDENTIAL + 1)
        if len(said) > MAX_CREDENTIAL:
            process.kill()
    if process.returncode == NOT_STARTED:
        return None
    if process.returncode != 0 or len(said) > MAX_CREDENTIAL:
        raise LoginNeeded(
            f"the login plugin of {target.context} failed (exit status {process.returncode})",
            code="exec-plugin-failed",
        )
    return said.decode("utf-8", "replace")


def _told(result: LoginResult) -> str:
    expires = result.login_expires
    until = f", expires in {render.age(utcnow(), expires)}" if expires else ""
    unsure = "" if result.state is ContextState.OK else f"; the context is {result.state.value}"
    return f"logged in to {render.clean(result.context)}{until}{unsure}\n"
