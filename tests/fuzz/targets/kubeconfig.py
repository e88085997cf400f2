"""A kubeconfig from somebody else: contexts, or one of the errors with a code and a place.

Nothing that it names is read (its folder is not there) and no plugin is run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import yaml

from kfwd.errors import ConfigError, KfwdError
from kfwd.kube import exec_plugin, grant, impersonation, kubeconfig_file
from kfwd.kube.connect import Server
from kfwd.kube.credentials import Credentials
from kfwd.kube.kubeconfig import Context, Kubeconfig
from tests.kube.configs import document

PATH = Path("/nonexistent/kubeconfig")
PLUGIN: dict[str, Any] = {
    "apiVersion": "client.authentication.k8s.io/v1",
    "command": "./login",
    "args": ["--now"],
    "env": [{"name": "A", "value": "b"}],
    "interactiveMode": "Never",
    "provideClusterInfo": True,
}
ACTING: dict[str, Any] = {
    "as": "ann",
    "as-groups": ["dev"],
    "as-user-extra": {"scopes": ["a"]},
    "client-certificate-data": "Y2VydA==",
    "client-key-data": "a2V5",
}
CLUSTER: dict[str, Any] = {
    "certificate-authority-data": "Y2E=",
    "proxy-url": "socks5://me:x@127.0.0.1:1080",
    "tls-server-name": "a.b",
    "insecure-skip-tls-verify": False,
    "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"a": [1]}}],
}


def seeds() -> Iterator[bytes]:
    yield json.dumps(document({"token": "t"}, CLUSTER, namespace="shop")).encode()
    yield yaml.safe_dump(document({"exec": PLUGIN}, CLUSTER)).encode()
    yield yaml.safe_dump(document(ACTING)).encode()
    yield b"users: &u\n- {name: a, user: {username: a, password: 1_0}}\nx: *u\n---\n"


def check(data: bytes) -> bool:
    try:
        file = kubeconfig_file.parse(PATH, data.decode("utf-8", "replace"))
    except ConfigError as error:
        assert error.code == "kubeconfig-invalid"
        return False
    config = Kubeconfig([PATH], [file])
    used = [usable(config, name) for name in config.names()]
    return all(used)


def usable(config: Kubeconfig, name: str) -> bool:
    try:
        context = config.context(name)
        server = Server(context, cast("Credentials", None), {})
        grant.read(context.user).authorization()
    except KfwdError:
        return False
    assert context.ref.name == (name or config.current_context)
    assert urlsplit(server.base_url).port == server.port
    acting(context)
    return context.user.exec is None or can_log_in(context)


def can_log_in(context: Context) -> bool:
    """Whether the plugin could be started; nothing in it can make starting it fail otherwise."""
    try:
        call = exec_plugin.invocation(context, {"PATH": "/nonexistent"}, terminal=True)
    except KfwdError:
        return False
    words = [*call.argv, *call.env, *call.env.values()]
    assert not any("\0" in word for word in words)
    assert not any("=" in name for name in call.env)
    return True


def acting(context: Context) -> None:
    who = context.user.impersonate
    if who is not None:
        for header, _ in impersonation.headers(who):
            assert header.isascii()
            assert not set(header) & set(" :\r\n")
