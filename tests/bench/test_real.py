"""A real cluster's kubeconfig becomes one file that can be moved and changed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from bench import real
from kfwd import yamldoc
from tests.kube.servers import Authority

CONTEXTS = """
apiVersion: v1
kind: Config
clusters:
- {name: other, cluster: {server: "https://other:6443"}}
- {name: mine, cluster: {server: "https://mine:6443/k8s", certificate-authority: ca.crt}}
contexts:
- {name: other, context: {cluster: other, user: me}}
- {name: mine, context: {cluster: mine, user: me}}
"""


def test_the_current_context_alone_is_written_with_what_its_files_hold(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(Authority().pem)
    (tmp_path / "contexts").write_text(CONTEXTS)
    (tmp_path / "users").write_text("users: [{name: me, user: {token: t}}]\ncurrent-context: mine")
    real.write(
        os.pathsep.join(str(tmp_path / name) for name in ("contexts", "users")), one(tmp_path)
    )
    config: Any = yamldoc.load(one(tmp_path).read_text())
    assert [each["name"] for each in config["clusters"]] == ["mine"]
    assert "certificate-authority-data" in config["clusters"][0]["cluster"]
    assert config["users"][0]["user"] == {"token": "t"}
    assert one(tmp_path).stat().st_mode & 0o077 == 0


def one(folder: Path) -> Path:
    return folder / "one"


def test_what_is_no_kubeconfig_is_said(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="names no cluster"):
        real.write(str(tmp_path / "none"), one(tmp_path))


def test_login_plugins_find_their_environment_and_kfwd_none_of_the_callers() -> None:
    env = {"AWS_PROFILE": "dev", "KFWD_STATE_DIR": "/x", "KUBECONFIG": "/y", "HOME": "/z"}
    assert real.environment(env) == {"AWS_PROFILE": "dev", "HOME": "/z"}
    assert real.given({"KFWD_E2E_KUBECONFIG": ""}) is None
