"""Kubeconfigs for tests, written as files."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any

from kfwd.kube import kubeconfig
from kfwd.kube.kubeconfig import Context


def document(
    user: dict[str, Any] | None = None,
    cluster: dict[str, Any] | None = None,
    *,
    name: str = "dev",
    **context: Any,
) -> dict[str, Any]:
    """A kubeconfig with one context, cluster and user, all called `name`."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, **context}}],
        "clusters": [
            {"name": name, "cluster": {"server": "https://127.0.0.1:6443", **(cluster or {})}}
        ],
        "users": [{"name": name, "user": user or {}}],
    }


def write(path: Path, content: dict[str, Any] | str) -> Path:
    text = content if isinstance(content, str) else json.dumps(content, indent=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def context(
    folder: Path, user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None
) -> Context:
    """The one context of a kubeconfig written to `folder`."""
    return kubeconfig.load([write(folder / "config", document(user, cluster))]).context()


def script(path: Path, body: str, shell: str = "/bin/sh") -> Path:
    """An executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{shell}\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def python(path: Path, body: str) -> Path:
    return script(path, body, f"{sys.executable} -S")


def exec_user(command: Path | str, **more: Any) -> dict[str, Any]:
    """A user with a login plugin."""
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(command),
            "interactiveMode": "Never",
            **more,
        }
    }


def exec_credential(**status: Any) -> str:
    return json.dumps(
        {
            "kind": "ExecCredential",
            "apiVersion": "client.authentication.k8s.io/v1",
            "status": status,
        }
    )
