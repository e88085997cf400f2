"""What a person does when a login is needed, as one sentence. Pure."""

from __future__ import annotations

import shlex
from pathlib import PurePath

from kfwd.kube.kubeconfig import Context, ExecConfig, User

FOLLOWED = "kfwd notices the change"
_OWN_COMMANDS = {
    "aws": "aws sso login",
    "aws-iam-authenticator": "aws sso login",
    "doctl": "doctl auth init",
    "gke-gcloud-auth-plugin": "gcloud auth login",
    "oci": "oci session authenticate",
    "tsh": "tsh login",
}
"""What the makers of plugins tell people to run."""


def login_hint(context: Context) -> str:
    """What to run or to change so that `context` is accepted again."""
    user = context.user
    if user.exec is not None:
        own = own_command(user.exec)
        command = f"kfwd login {shlex.quote(context.ref.name)}"
        return f"run `{command}`" + (f", or `{own}`" if own else "")
    return _in_words(user)


def own_command(plugin: ExecConfig) -> str | None:
    """The command that the plugin's maker has for a login, where that is known."""
    name = PurePath(plugin.command).name
    if name == "kubelogin" and "azurecli" in plugin.args:
        return "az login"
    command = _OWN_COMMANDS.get(name)
    profile = _profile(plugin)
    if command == "aws sso login" and profile:
        return f"{command} --profile {shlex.quote(profile)}"
    return command


def _profile(plugin: ExecConfig) -> str | None:
    """The AWS profile that the plugin is told to use."""
    given = dict(zip(plugin.args, plugin.args[1:], strict=False)).get("--profile")
    return given or dict(plugin.env).get("AWS_PROFILE")


def _in_words(user: User) -> str:
    if user.auth_provider is not None:
        return f"log in again with the tool that made this kubeconfig; {FOLLOWED}"
    if user.token_file is not None:
        return f"put a new token into {user.token_file}; {FOLLOWED}"
    if user.token or user.username:
        what = "token" if user.token else "name or password"
        return f'put a new {what} for user "{user.name}" into the kubeconfig; {FOLLOWED}'
    if user.client_cert is not None or user.client_cert_file is not None:
        return f'get a new client certificate for user "{user.name}"; {FOLLOWED}'
    return f'give user "{user.name}" a login in the kubeconfig; {FOLLOWED}'
