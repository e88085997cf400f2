"""Login plugins: programs that print a credential (client.authentication.k8s.io v1, v1beta1).

Source: client-go `plugin/pkg/client/auth/exec/exec.go`. A daemon has no terminal, so a plugin is
told that it must not ask, and one that always asks is not started; `plugin_terminal` runs it for a
person. Its words on stderr are the only ones that explain a failure: they become part of the error.
Its stdout never does.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from kfwd import decoding
from kfwd.errors import NOT_JSON, LoginNeeded
from kfwd.kube import plugin_process
from kfwd.kube.grant import Grant
from kfwd.kube.guarded import Guarded
from kfwd.kube.kubeconfig import Cluster, Context, ExecConfig
from kfwd.kube.login_hint import login_hint

GROUP = "client.authentication.k8s.io"
VERSIONS = (f"{GROUP}/v1", f"{GROUP}/v1beta1")
TIME_LIMIT_S = 60.0
WORDS_SHOWN = 1000


class Status(Guarded, frozen=True, rename="camel"):
    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: datetime | None = None


class ExecCredential(Struct, frozen=True, rename="camel"):
    """What a plugin prints."""

    kind: str = ""
    api_version: str = ""
    status: Status | None = None


async def fetch(
    context: Context, env: Mapping[str, str], *, timeout: float = TIME_LIMIT_S
) -> Grant:
    """Run the context's plugin and return what it grants.

    Raises `LoginNeeded`: `exec-plugin-interactive`, `exec-plugin-missing`, `exec-plugin-failed`,
    `exec-plugin-timeout`, `exec-plugin-invalid`.
    """
    call = invocation(context, env, terminal=False)
    output = await _run(call, context, timeout)
    failure = _Failure(context)
    if output.stdout is None:
        raise failure("exec-plugin-invalid", "printed more than 1 MiB", output.stderr)
    if output.status != 0:
        how = f"exit status {output.status}" if output.status > 0 else f"signal {-output.status}"
        raise failure("exec-plugin-failed", f"failed ({how})", output.stderr)
    return granted(context, output.stdout, output.stderr)


class Invocation(Guarded, frozen=True):
    """How to start a plugin: found in `env`'s PATH unless it is a path, with exactly `env`.

    `interactive`: it may ask in the terminal; else it has nothing to read.
    """

    argv: tuple[str, ...]
    env: dict[str, str]
    interactive: bool = False


def invocation(context: Context, env: Mapping[str, str], *, terminal: bool) -> Invocation:
    """How to start the context's plugin, where there is a `terminal` or not.

    Raises `LoginNeeded`: `exec-plugin-invalid`, `exec-plugin-interactive`.
    """
    plugin = _plugin(context)
    failure = _Failure(context)
    if plugin.api_version not in VERSIONS:
        raise failure(
            "exec-plugin-invalid", f"is set up for {plugin.api_version}, which is not supported"
        )
    if plugin.interactive_mode == "Always" and not terminal:
        raise failure("exec-plugin-interactive", "needs a terminal to ask you")
    if "\0" in "".join((plugin.command, *plugin.args, *(n + v for n, v in plugin.env))):
        raise failure("exec-plugin-invalid", "is given text with a NUL in it")
    if any("=" in name for name, _ in plugin.env):
        raise failure("exec-plugin-invalid", 'is given a variable with "=" in its name')
    interactive = terminal and plugin.interactive_mode != "Never"
    info = _exec_info(plugin, context.cluster, interactive)
    return Invocation(
        argv=(plugin.command, *plugin.args),
        env={**env, **dict(plugin.env), "KUBERNETES_EXEC_INFO": info},
        interactive=interactive,
    )


def granted(context: Context, stdout: bytes, stderr: bytes = b"") -> Grant:
    """What a context's plugin printed, as a grant. Raises `LoginNeeded` `exec-plugin-invalid`."""
    try:
        return parse(stdout, _plugin(context).api_version)
    except ValueError as error:
        raise _Failure(context)("exec-plugin-invalid", str(error), stderr) from None


def not_started(context: Context, env: Mapping[str, str], error: OSError) -> LoginNeeded:
    """Why the system did not start the context's plugin."""
    failure = _Failure(context)
    if _exists(_plugin(context).command, env):
        return failure("exec-plugin-failed", f"cannot be started: {error.strerror}")
    return failure("exec-plugin-missing", "is not installed, or not in the PATH used")


def _plugin(context: Context) -> ExecConfig:
    plugin = context.user.exec
    assert plugin is not None
    return plugin


async def _run(call: Invocation, context: Context, timeout: float) -> plugin_process.Output:
    failure = _Failure(context)
    try:
        return await plugin_process.run(call.argv, call.env, timeout=timeout)
    except plugin_process.TimedOut as error:
        raise failure(
            "exec-plugin-timeout", f"did not end within {timeout:g} s", error.stderr
        ) from None
    except OSError as error:
        raise not_started(context, call.env, error) from None


def _exec_info(plugin: ExecConfig, cluster: Cluster, interactive: bool) -> str:
    """The JSON in `KUBERNETES_EXEC_INFO`."""
    spec: dict[str, Any] = {"interactive": interactive}
    if plugin.provide_cluster_info:
        spec["cluster"] = _cluster_info(cluster)
    info = {"kind": "ExecCredential", "apiVersion": plugin.api_version, "spec": spec}
    return msgspec.json.encode(info).decode()


def _cluster_info(cluster: Cluster) -> dict[str, Any]:
    info = {
        "server": cluster.server,
        "tls-server-name": cluster.tls_server_name,
        "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
        "certificate-authority-data": base64.b64encode(cluster.ca or b"").decode(),
        "proxy-url": cluster.proxy_url,
        "disable-compression": cluster.disable_compression,
        "config": cluster.exec_config,
    }
    return {key: value for key, value in info.items() if value}


def parse(stdout: bytes, api_version: str) -> Grant:
    """The grant in a plugin's output. Raises `ValueError` with words that quote nothing of it."""
    try:
        credential = decoding.decode(stdout, ExecCredential)
    except NOT_JSON as error:
        raise ValueError(f"printed no usable ExecCredential: {error}") from None
    if credential.kind != "ExecCredential" or credential.api_version != api_version:
        raise ValueError(f"printed something other than an ExecCredential of {api_version}")
    status = credential.status
    if status is None:
        raise ValueError("printed an ExecCredential without a status")
    cert, key = status.client_certificate_data, status.client_key_data
    if bool(cert) != bool(key):
        raise ValueError("printed a certificate without its key, or a key without its certificate")
    if not (status.token or cert):
        raise ValueError("printed neither a token nor a certificate")
    expires = status.expiration_timestamp
    if expires is not None and expires.tzinfo is None:
        raise ValueError("printed an expirationTimestamp without a time zone")
    return Grant(
        token=status.token or None,
        client_cert=cert.encode() if cert else None,
        client_key=key.encode() if key else None,
        expires=expires,
    )


class _Failure:
    """Makes this plugin's errors."""

    def __init__(self, context: Context) -> None:
        plugin = _plugin(context)
        self._who = f'the login plugin {plugin.command} of user "{context.user.name}"'
        self._login = login_hint(context)
        self._install = plugin.install_hint

    def __call__(self, code: str, what: str, stderr: bytes = b"") -> LoginNeeded:
        words = spoken(stderr)
        return LoginNeeded(
            f"{self._who} {what}{': ' + words if words else ''}",
            code=code,
            hint=self._hint(code),
        )

    def _hint(self, code: str) -> str:
        if code != "exec-plugin-missing":
            return self._login
        if self._install:
            return spoken(self._install.encode())
        return f"install it, or {self._login} in a shell that finds it"


def spoken(stderr: bytes) -> str:
    """A plugin's words as one printable line: the last ones when there are many."""
    text = " ".join(stderr.decode("utf-8", "replace").split())
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= WORDS_SHOWN else f"...{text[-WORDS_SHOWN:]}"


def _exists(command: str, env: Mapping[str, str]) -> bool:
    return shutil.which(command, path=env.get("PATH")) is not None or Path(command).exists()
