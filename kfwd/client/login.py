"""A login in the user's terminal: a context's login plugin runs there, its credential goes to the
daemon.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

from kfwd.api_model import LoginRequest, LoginResult, LoginTarget
from kfwd.client.calls import Client
from kfwd.errors import LoginNeeded
from kfwd.model import ContextState, utcnow
from kfwd.text import age, clean

PLUGIN = (sys.executable, "-P", "-m", "kfwd.kube.plugin_terminal")
NOT_STARTED = 126
"""Exit status of `PLUGIN` when it has said itself why there was nothing to run."""

MAX_CREDENTIAL = 256 * 1024


def log_in(
    client: Client, context: str | None, kubeconfig: tuple[str, ...], env: Mapping[str, str]
) -> LoginResult | None:
    """Log in to `context`, or to the one that needs it. None: the plugin could not be started, and
    the terminal says why.

    `kubeconfig` holds the caller's absolute paths. Raises `LoginNeeded` when the plugin fails or
    the server refuses what it gave, else what the daemon says.
    """
    target = client.login_target(context, kubeconfig)
    if (credential := printed(target, env)) is None:
        return None
    return client.login(
        LoginRequest(context=target.context, kubeconfig=target.kubeconfig, credential=credential)
    )


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


def told(result: LoginResult) -> str:
    """`logged in to dev, expires in 1h0m`."""
    expires = result.login_expires
    until = f", expires in {age(utcnow(), expires)}" if expires else ""
    unsure = "" if result.state is ContextState.OK else f"; the context is {result.state.value}"
    return f"logged in to {clean(result.context)}{until}{unsure}"
